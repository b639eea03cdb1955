import type { Measurement } from './measurement.js';
import type { ScenarioName } from './scenarios.js';

/** A cell that has no server yet. */
export interface MatrixCell {
  readonly engine: Engine;
  readonly scenario: ScenarioName;
  readonly workers: number;
  readonly connections: number;
}

/** A cell with its measured rounds. */
export interface MeasuredCell extends MatrixCell {
  readonly rounds: readonly Measurement[];
}

/** The engines that are measured. */
export const ENGINES = ['index', 'sweep'] as const;
type Engine = (typeof ENGINES)[number];

/** The goals for CPU per request. Both sides of a ratio are measured in the same round: a slow machine slows both. */

import { type Figure, figureOf } from '../results.js';
import { ratios } from '../statistics.js';
import { BASE, type RowName } from './comparison-rows.js';
import type { Measurement } from './measurement.js';

/** The maximum cost of a row, as a multiple of another row. */
export interface CpuGoal {
  readonly what: string;
  readonly row: RowName;
  readonly over: RowName;
  readonly must: number;
  readonly aim: number;
}

/** Every goal, in the order of the tables. */
export const CPU_GOALS: readonly CpuGoal[] = [
  {
    what: 'hit, repeated, over node:http with the body parsed',
    row: 'verbatim: hit, repeated',
    over: BASE,
    must: 1.15,
    aim: 1,
  },
  {
    what: 'hit, all different, no cache, over the same',
    row: 'verbatim: hit, all different, no cache',
    over: BASE,
    must: 1.7,
    aim: 1.4,
  },
  {
    what: 'hit, streamed, all different, no cache, 1.2 kB, over the same',
    row: 'verbatim: hit, streamed, all different, no cache',
    over: BASE,
    must: 4,
    aim: 2,
  },
  {
    what: 'hit, streamed, all different, no cache, 8 kB, over the same',
    row: 'verbatim: hit, streamed, 8 kB, no cache',
    over: BASE,
    must: 12,
    aim: 6,
  },
  {
    what: 'miss over hit of the same length, all different, no cache',
    row: 'verbatim: miss, all different, no cache',
    over: 'verbatim: hit, all different, no cache',
    must: 2,
    aim: 1.5,
  },
];

/** The measured rounds of a row. */
export type RoundsOf = (row: RowName) => readonly Measurement[];

/** A goal's ratio in each round. */
export function cpuRatios({ row, over }: CpuGoal, roundsOf: RoundsOf): number[] {
  return ratios(cpuOf(roundsOf(row)), cpuOf(roundsOf(over)));
}

/** CPU per request in each round, in microseconds. */
export function cpuOf(rounds: readonly Measurement[]): number[] {
  return rounds.map((round) => round.cpuMicrosecondsPerRequest);
}

/** The ratios of all goals as figures of a results file. */
export function cpuGoalFigures(roundsOf: RoundsOf): Figure[] {
  return CPU_GOALS.flatMap((goal) => figureOf(cpuFigureName(goal), '×', cpuRatios(goal, roundsOf)));
}

/** The name of a goal's figure. */
export function cpuFigureName({ what }: CpuGoal): string {
  return `goals / CPU a request, ${what}`;
}

/** All measurements over HTTP. */

import type { GeneratedDataset } from '../dataset.js';
import { say } from '../progress.js';
import type { Section } from '../results.js';
import { compareServers, rowOf } from './comparison.js';
import { comparisonText } from './comparison-table.js';
import { cpuGoalFigures } from './cpu-goals.js';
import { goalsText } from './goal-rows.js';
import { measureLegacyApi } from './legacy-api.js';
import type { LoadGenerator } from './load-generator.js';
import { FULL_MATRIX, measureMatrix, QUICK_MATRIX } from './matrix.js';
import type { RoundPlan } from './measurement.js';
import { prepareDataset } from './prepared-dataset.js';
import { questionsOf } from './questions.js';
import { fillingScenario, scenariosOf } from './scenarios.js';
import { measureSizes } from './sizes.js';
import { soak } from './soak.js';

/** The duration of the measurements. */
export interface HttpOptions {
  readonly quick: boolean;
  readonly rounds: number;
}

/** Long enough for the CPU clock, which counts hundredths of a second. */
const COMPARISON = { seconds: 4, firstWarmUpSeconds: 3, warmUpSeconds: 1 };
const MATRIX = { seconds: 2, firstWarmUpSeconds: 1, warmUpSeconds: 0 };
const SIZES = { seconds: 3, firstWarmUpSeconds: 2, warmUpSeconds: 1 };
/** Compares rates of different servers. Their memory layout differs between runs, so it takes more rounds to see a difference. */
const SIZES_ROUNDS_MIN = 7;
const QUICK = { seconds: 1, firstWarmUpSeconds: 1, warmUpSeconds: 0 };

/** Measures in sections, the most important first. */
export async function measureHttp(
  { path, bytes }: GeneratedDataset,
  generator: LoadGenerator,
  { quick, rounds }: HttpOptions,
): Promise<Section[]> {
  const planOf = (plan: Omit<RoundPlan, 'rounds'>): RoundPlan => ({ rounds, ...(quick ? QUICK : plan) });
  say('reading the dataset\n');
  const questions = questionsOf(path);
  const scenarios = scenariosOf(questions);
  const dataset = await prepareDataset(path);
  const comparison = await compareServers(dataset, scenarios, generator, planOf(COMPARISON), quick);
  const matrix = await measureMatrix(
    quick ? QUICK_MATRIX : FULL_MATRIX,
    dataset,
    scenarios,
    generator,
    planOf(MATRIX),
  );
  const older = await measureLegacyApi(dataset, questions.usual, rounds);
  const memory = quick ? undefined : await soak(dataset, fillingScenario(questions), generator);
  const sizes = quick
    ? undefined
    : await measureSizes(generator, { ...SIZES, rounds: Math.max(SIZES_ROUNDS_MIN, rounds) });
  const { largestOverSmallest } = sizes ?? {};
  const goals = goalsText(comparison, { largestOverSmallest, growthPercent: memory?.growthPercent });
  const megabytes = (bytes / 1e6).toFixed(0);
  return [
    {
      text: `${goals}\nDataset: ${megabytes} MB, generated, in the page cache; its index is loaded, its tokens are counted.\n`,
      figures: cpuGoalFigures((row) => rowOf(comparison, row)),
    },
    { text: comparisonText(comparison), figures: comparison.figures },
    older,
    matrix,
    ...(memory === undefined ? [] : [memory]),
    ...(sizes === undefined ? [] : [sizes]),
  ];
}

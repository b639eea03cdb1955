/** How near this tree is to what the machine can do, beside a commit before it: starts, the index, tokens, long prompts. */

import type { GeneratedDataset } from '../dataset.js';
import { measurePass } from '../engine/pass-figures.js';
import { earlyPrompt } from '../engine/rounds.js';
import { buildOf, commitOf } from '../http/commit.js';
import type { LoadGenerator } from '../http/load-generator.js';
import { questionsOf } from '../http/questions.js';
import { scenariosOf } from '../http/scenarios.js';
import { say } from '../progress.js';
import type { Section } from '../results.js';
import { UsageError } from '../usage-error.js';
import {
  type IndexFigures,
  measuredBuild,
  measureFresh,
  measureIndex,
  measureRequests,
  measureStarts,
  type StartFigures,
} from './builds.js';
import { type BuildRound, type LimitsRound, limitsSection } from './report.js';

/** What to compare with, and how often. */
export interface LimitsOptions {
  readonly rounds: number;
  readonly before: string | undefined;
}

/**
 * Measures a commit and the build of this tree, each figure of one right after that of the other.
 *
 * @throws UsageError if the commit doesn't exist
 */
export async function measureLimits(
  { path, bytes }: GeneratedDataset,
  generator: LoadGenerator,
  { rounds, before: name = '' }: LimitsOptions,
): Promise<Section> {
  const commit = commitOf(name);
  if (commit === undefined) throw new UsageError(`--before: expected a commit, got '${name}'`);
  const main = buildOf(commit);
  say('reading the dataset\n');
  const prompt = earlyPrompt(path);
  const scenarios = scenariosOf(questionsOf(path));
  const measured: LimitsRound[] = [];
  for (let round = 1; round <= rounds; round++) {
    say(`limits: round ${round} of ${rounds}\n`);
    const { seconds: passSeconds } = await measurePass({ path, by: 'JSON.parse' });
    const builds = [main, undefined].map(measuredBuild);
    const figures = await inTurn(builds, (build) => measureIndex(path, build));
    const starts = await inTurn(builds, (build) => measureStarts(path, prompt, build));
    const [counted, uncounted] = await inTurn([true, false], (areCounted) =>
      inTurn(builds, (build) => measureFresh(path, build, areCounted, generator, scenarios)),
    );
    const costs = await measureRequests(path, builds, generator, scenarios);
    const of = (i: number): BuildRound => ({
      ...(figures[i] as IndexFigures),
      ...(starts[i] as StartFigures),
      countedMicroseconds: counted?.[i] ?? Number.NaN,
      uncountedMicroseconds: uncounted?.[i] ?? Number.NaN,
      requestMicroseconds: costs.map((kind) => kind[i] ?? Number.NaN),
    });
    measured.push({ passSeconds, before: of(0), now: of(1) });
  }
  return limitsSection(commit, bytes, measured);
}

async function inTurn<T, Result>(
  each: readonly T[],
  measure: (one: T) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const one of each) results.push(await measure(one));
  return results;
}

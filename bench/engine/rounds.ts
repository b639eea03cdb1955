import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '../random.js';
import { recordsOf } from '../records.js';
import { promptsOf, sampleRecords } from '../sample.js';
import {
  type BuildFigures,
  type MissFigures,
  measureBuild,
  measureFirstAnswer,
  measureMisses,
  saveIndex,
} from './figures.js';
import { type LookingFigures, measureLooking } from './looking-figures.js';
import { type LookupFigures, measureLookups } from './lookup-figures.js';
import { measurePass } from './pass-figures.js';

const SEED = 7;
/** How many records supply a prompt for lookups: one in three is a warm-up. */
const LOOKED_UP_RECORDS = 15_000;
const WARM_UP_SHARE = 1 / 3;
/** A prompt with this number of characters is not a repeated one. */
const LONG_PROMPT = 100;

/** All measurements of one round. */
export interface EngineRound {
  /** `JSON.parse` record by record, on one thread. */
  readonly passSeconds: number;
  readonly build: BuildFigures;
  /** With a saved index, and without one. */
  readonly firstAnswerSavedSeconds: number;
  readonly firstAnswerSeconds: number;
  readonly lookups: LookupFigures;
  readonly misses: MissFigures;
  readonly looking: LookingFigures;
  /** For the large dataset, if there is one. */
  readonly largeBuild: BuildFigures | undefined;
}

/**
 * Measures the engines in interleaved rounds, so that a temporary slowdown of the machine affects all of them.
 *
 * @param path a dataset in the page cache
 * @param largePath a larger one, whose index is built next to the other's; undefined for none
 * @param onRound is called before each round
 */
export async function measureRounds(
  path: string,
  largePath: string | undefined,
  rounds: number,
  onRound: (round: number) => void,
): Promise<EngineRound[]> {
  const random = new Random(SEED);
  const prompts = random.shuffled(promptsOf(sampleRecords(path, LOOKED_UP_RECORDS, random), random));
  const warmUps = Math.floor(prompts.length * WARM_UP_SHARE);
  const lookupTask = { path, warmUp: prompts.slice(0, warmUps), measured: prompts.slice(warmUps) };
  const prompt = earlyPrompt(path);
  const indexDir = mkdtempSync(join(tmpdir(), 'verbatim-bench-'));
  const measured: EngineRound[] = [];
  try {
    await saveIndex(path, prompt, indexDir);
    for (let round = 1; round <= rounds; round++) {
      onRound(round);
      const pass = await measurePass({ path, by: 'JSON.parse' });
      measured.push({
        passSeconds: pass.seconds,
        build: await measureBuild(path),
        largeBuild: largePath === undefined ? undefined : await measureBuild(largePath),
        firstAnswerSeconds: await measureFirstAnswer(path, prompt, 'none'),
        firstAnswerSavedSeconds: await measureFirstAnswer(path, prompt, indexDir),
        lookups: await measureLookups(lookupTask),
        misses: await measureMisses(path),
        looking: await measureLooking(path),
      });
    }
  } finally {
    rmSync(indexDir, { recursive: true });
  }
  return measured;
}

/** The first unique prompt that begins a conversation. */
export function earlyPrompt(path: string): string {
  for (const { conversations } of recordsOf(path)) {
    const [prompt, reply] = conversations;
    if (prompt !== undefined && reply !== undefined && prompt.value.length >= LONG_PROMPT)
      return prompt.value;
  }
  throw new Error(`${path}: no prompt is long enough`);
}

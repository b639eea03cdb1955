/** The child process of `measureGrowth`: appends lines one by one, and looks each of them up. */

import { appendFileSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { queryOf } from '#dist/core/query.js';
import type { ServedDataset } from '#dist/models/served-dataset.js';
import { withServed } from '../engine/served.js';
import { answer, taskOf } from '../own-process.js';
import { Random } from '../random.js';
import { promptsOf, sampleRecords } from '../sample.js';
import type { AppendFigures, AppendTask } from './append-figures.js';

const SEED = 23;
const PROMPTS = 2000;
/** Passes over all prompts, of which the fastest counts: other processes make the others slower. */
const PASSES = 150;

const { path, sample, folder, count } = await taskOf<AppendTask>();
const copy = join(folder, 'growing.jsonl');
copyFileSync(path, copy);
const prompts = promptsOf(sampleRecords(sample, PROMPTS, new Random(SEED)), new Random(SEED));
const figures = await withServed(copy, 'index', async (served) => {
  // The compiler needs some passes.
  await timeOf(served);
  const before = await timeOf(served);
  const startMs = performance.now();
  for (let i = 0; i < count; i++) {
    const turns = [
      { from: 'human', value: `appended prompt ${i}` },
      { from: 'gpt', value: `appended reply ${i}` },
    ];
    appendFileSync(copy, `${JSON.stringify({ conversations: turns })}\n`);
    await find(served, `appended prompt ${i}`);
  }
  const seconds = (performance.now() - startMs) / 1000;
  return { before, after: await timeOf(served), seconds };
});
const whole = await withServed(copy, 'index', timeOf);
answer({ ...figures, whole } satisfies AppendFigures);

/** The time to find a prompt, in microseconds. */
async function timeOf(served: ServedDataset): Promise<number> {
  const times: number[] = [];
  for (let pass = 0; pass < PASSES; pass++) {
    const startMs = performance.now();
    for (const prompt of prompts) await find(served, prompt);
    times.push(((performance.now() - startMs) * 1000) / prompts.length);
  }
  return Math.min(...times);
}

async function find(served: ServedDataset, text: string): Promise<void> {
  const query = queryOf([{ role: 'user', text }]);
  const match = query && (await served.lookup.find(query));
  if (match === undefined) throw new Error(`not found: ${JSON.stringify(text)}`);
}

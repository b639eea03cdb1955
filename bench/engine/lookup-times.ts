/** The child process of `measureLookups`. */

import { queryOf } from '#dist/core/query.js';
import type { ServedDataset } from '#dist/models/served-dataset.js';
import { answer, taskOf } from '../own-process.js';
import { percentile } from '../statistics.js';
import type { LookupFigures, LookupTask } from './lookup-figures.js';
import { withServed } from './served.js';

const { path, warmUp, measured } = await taskOf<LookupTask>();
await withServed(path, 'index', async (served) => {
  await timesOf(served, warmUp);
  const times = await timesOf(served, measured);
  const figures: LookupFigures = {
    medianMicroseconds: percentile(times, 0.5),
    percentile99Microseconds: percentile(times, 0.99),
  };
  answer(figures);
});

/** The time to find each prompt, in microseconds. */
async function timesOf(served: ServedDataset, prompts: readonly string[]): Promise<number[]> {
  const times: number[] = [];
  for (const text of prompts) {
    const query = queryOf([{ role: 'user', text }]);
    const startMs = performance.now();
    const match = query && (await served.lookup.find(query));
    times.push((performance.now() - startMs) * 1000);
    if (match === undefined)
      throw new Error(`a prompt of the dataset was not found: ${JSON.stringify(text)}`);
  }
  return times;
}

import { describe, expect, it } from 'vitest';
import { NO_SEED } from '#dist/core/keys.js';
import { newStopFlag, stopAfter } from '#dist/workers/stop-flag.js';
import { datasetWriter, poolOf } from '../support/dataset.js';

const TASKS = 60;
const write = datasetWriter();
const record = JSON.stringify({ conversations: [{ from: 'human', value: 'x'.repeat(50_000) }] });
const dataset = write(`[${Array.from({ length: 20 }, () => record).join(',')}]`);

/** The same shard repeatedly, under different indexes. */
const shards = Array.from({ length: TASKS }, (_, index) => ({ index, range: dataset.body }));
const keepsTurns = false;

describe('the pool', () => {
  it('starts tasks in order', async () => {
    const pool = poolOf(2);
    const stop = newStopFlag();
    const ended: number[] = [];
    const run = async (shard: (typeof shards)[number]) => {
      await pool.takeCensus({ dataset, shard, seed: NO_SEED, stop, keepsTurns });
      ended.push(shard.index);
    };
    // Both threads are up before the measurement.
    await Promise.all(shards.slice(0, 4).map(run));
    ended.length = 0;
    await Promise.all(shards.map(run));
    // A thread may be late, but its own tasks finish in order: so two queues account for all of them.
    const queues: number[][] = [];
    for (const index of ended) {
      const queue = queues.find((each) => (each.at(-1) as number) < index);
      if (queue === undefined) queues.push([index]);
      else queue.push(index);
    }
    expect(queues.length).toBeLessThanOrEqual(pool.workers);
  });

  it('neither begins a stopped task nor returns its result', async () => {
    const pool = poolOf(2);
    const stop = newStopFlag();
    stopAfter(stop, 3);
    const outcomes = await Promise.all(
      shards.map((shard) => pool.takeCensus({ dataset, shard, seed: NO_SEED, stop, keepsTurns })),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(
      shards.map(({ index }) => (index <= 3 ? 'done' : 'failed')),
    );
  });

  it('rejects tasks after it was closed, and waits for earlier ones', async () => {
    const pool = poolOf(1);
    const stop = newStopFlag();
    const [shard = expect.fail('no shard')] = shards;
    const before = pool.takeCensus({ dataset, shard, seed: NO_SEED, stop, keepsTurns });
    await pool.close();
    expect((await before).kind).toBe('done');
    expect(await pool.takeCensus({ dataset, shard, seed: NO_SEED, stop, keepsTurns })).toMatchObject({
      kind: 'failed',
      code: 'worker_failed',
    });
  });
});

/** The hashes of the ids of a file's records, four bytes each, in file order: a record is found by its id without an index of ids. */

import { hashOfId } from '../core/id-hash.js';
import { datasetErrorOf } from '../dataset/dataset.js';
import type { WorkerPool } from '../workers/pool.js';
import { NO_ID } from '../workers/shard-ids.js';
import type { ShardPlan } from '../workers/shard-run.js';
import type { StopFlag } from '../workers/stop-flag.js';

/** The hashes of all ids of a file. */
export class IdHashes {
  /** Those of the records of each shard. */
  private readonly shards: Uint32Array[] = [];

  add(hashes: Uint32Array): void {
    this.shards.push(hashes);
  }

  /**
   * The numbers of the records that may have an id, in file order: its hash is theirs, or they have none and the id is their number. Yields
   * undefined after each shard.
   */
  *find(id: string): Generator<number | undefined, void> {
    const wanted = hashOfId(Buffer.from(id));
    const own = /^(?:0|[1-9]\d{0,14})$/.test(id) ? Number(id) : -1;
    let before = 0;
    for (const hashes of this.shards) {
      const places: number[] = [];
      for (let at = hashes.indexOf(wanted); at >= 0; at = hashes.indexOf(wanted, at + 1)) places.push(at);
      if (hashes[own - before] === NO_ID) places.push(own - before);
      for (const at of places.sort((a, b) => a - b)) yield before + at;
      before += hashes.length;
      yield undefined;
    }
  }
}

/**
 * Walks a dataset, and hashes the ids of all records.
 *
 * @throws DatasetError when the file can't be read, when it has changed, or when it was stopped
 */
export async function hashIds(plan: ShardPlan, pool: WorkerPool, stop: StopFlag): Promise<IdHashes> {
  const { dataset, seed } = plan;
  const all = new IdHashes();
  for await (const { result } of plan.run(
    (shard) => pool.hashIds({ dataset, shard, seed, stop }),
    pool.workers,
  )) {
    if (result.kind === 'failed') throw datasetErrorOf(dataset, result);
    all.add(result.value.hashes);
  }
  return all;
}

/** What is done with the records of a shard, batch by batch, on a thread of the pool or on the calling one. */

import type { ByteOffset } from '../core/bytes.js';
import type { KeySeed } from '../core/keys.js';
import type { Rule } from '../core/rules.js';
import { fillNormalized, fillTurns } from '../index/order.js';
import { rowsOf } from '../index/rows-of.js';
import { IndexRows, IndexTable } from '../index/table.js';
import { type Kernel, RECORD_NUMBERS } from '../kernel/kernel.js';
import { ShardCounter } from './shard-counter.js';
import { ShardNormalizer } from './shard-normalizer.js';
import { ShardSketcher } from './shard-sketcher.js';
import type { CensusTask, IndexTask, ShardCensus, ShardRuleKeys, ShardSketches } from './tasks.js';
import type { RecordBatch } from './walk.js';

/** Work on the batches of a walk, in their order. */
export interface ShardWork<T> {
  /** Takes a batch. It may overwrite the batch. */
  add(batch: RecordBatch): void;
  /** What was found. @param next where the first record after the shard begins */
  finish(next: ByteOffset): T;
}

/** Counts the contents of a shard and, for an index, keeps its turns. @param kernel the kernel that walks the shard */
export function censusWork(
  kernel: Kernel,
  { keepsTurns, hasExample }: Pick<CensusTask, 'keepsTurns' | 'hasExample'>,
): ShardWork<ShardCensus> {
  const counter = new ShardCounter(!hasExample);
  // Only a kernel that computes all keys looks at every byte of every text.
  kernel.wantAll();
  kernel.beginKeeping();
  return {
    add: (batch) => {
      const { records } = counter;
      counter.add(batch);
      // Last, since it may move the memory that the batch is a view of.
      if (keepsTurns && batch.conversations > 0) kernel.keep(batch.base, records);
    },
    finish: (next) => {
      const { counts } = counter;
      const marks = counter.marks(next).data;
      return { next, records: counts.records, counts, marks, rows: keepsTurns ? kernel.kept() : undefined };
    },
  };
}

/** Makes the sketches of a shard's turns. @param kernel the kernel that walks the shard */
export function sketchWork(kernel: Kernel): ShardWork<ShardSketches> {
  const sketcher = new ShardSketcher();
  let records = 0;
  kernel.wantSketches();
  return {
    add: (batch) => {
      sketcher.add(batch);
      records += batch.records.length / RECORD_NUMBERS;
    },
    finish: (next) => ({ next, records, sketches: sketcher.sketches }),
  };
}

/**
 * Applies rules to a shard's texts.
 *
 * @param kernel the kernel that walks the shard: it holds the bytes that are being walked
 * @param keying another one, for the keys
 */
export function ruleWork(
  kernel: Kernel,
  keying: Kernel,
  seed: KeySeed,
  rules: readonly Rule[],
): ShardWork<ShardRuleKeys> {
  keying.useSeed(seed);
  const normalizer = new ShardNormalizer(keying, rules);
  let records = 0;
  kernel.wantNone();
  return {
    add: (batch) => {
      normalizer.add(batch);
      records += batch.records.length / RECORD_NUMBERS;
    },
    finish: (next) => ({ next, records, keys: normalizer.keys, leftOut: normalizer.leftOut }),
  };
}

/** Builds one half of an index. @param kernel sorts its rows */
export function fillIndex({ table, tables, parts, half }: IndexTask, kernel: Kernel): void {
  const fill = half === 'turns' ? fillTurns : fillNormalized;
  const rows = [...rowsOf(tables), ...parts.map((part) => new IndexRows(part))];
  fill(new IndexTable(table), rows, kernel);
}

import type { Rule } from '../core/rules.js';
import { datasetErrorOf } from '../dataset/dataset.js';
import { DatasetError } from '../dataset/dataset-error.js';
import type { IndexTable } from '../index/table.js';
import { RuleKeys } from '../lookup/ruled.js';
import type { Workers } from '../workers/own-thread.js';
import type { ShardPlan } from '../workers/shard-run.js';
import type { StopFlag } from '../workers/stop-flag.js';

/** The keys of all turns, and how many of them were left out, because the rules took too long or made them too long. */
export interface MadeKeys {
  readonly keys: RuleKeys;
  readonly leftOut: number;
}

/**
 * Walks a dataset again, and applies rules to all turns of its index that have a reply.
 *
 * @param table the index, which may have been saved: its seed isn't that of the plan then
 * @throws DatasetError when the file can't be read, when it has changed, or when it was stopped
 */
export async function makeRuleKeys(
  plan: ShardPlan,
  pool: Workers,
  table: Pick<IndexTable, 'seed' | 'replies'>,
  stop: StopFlag,
  rules: readonly Rule[],
): Promise<MadeKeys> {
  const { dataset } = plan;
  const { seed, replies } = table;
  const keys = new RuleKeys(replies);
  let leftOut = 0;
  const run = plan.run((shard) => pool.normalizeShard({ dataset, shard, seed, stop, rules }), pool.workers);
  for await (const { result } of run) {
    if (result.kind === 'failed') throw datasetErrorOf(dataset, result);
    leftOut += result.value.leftOut;
    if (!keys.add(result.value.keys)) break;
  }
  if (keys.isComplete) return { keys, leftOut };
  throw new DatasetError(dataset.file.path, 'it has changed since its index was built', undefined, true);
}

/** An index of several tables: a dataset that is cut where a record begins, as one that has grown was. */

import { byteOffset } from '#dist/core/bytes.js';
import type { Rule } from '#dist/core/rules.js';
import type { Dataset } from '#dist/dataset/dataset.js';
import type { Shard } from '#dist/dataset/shards.js';
import { CONVERSATION, CONVERSATION_NUMBERS, IndexRows, IndexTable } from '#dist/index/table.js';
import { kernelModule } from '#dist/kernel/kernel.js';
import { Sketches } from '#dist/kernel/sketches.js';
import { RuleKeys } from '#dist/lookup/ruled.js';
import type { WorkerPool } from '#dist/workers/pool.js';
import { newStopFlag } from '#dist/workers/stop-flag.js';
import type { TaskResult } from '#dist/workers/tasks.js';

/** A table of one range of a dataset, with what is made for it when a miss needs it. */
export interface CutTable {
  readonly table: IndexTable;
  sketches(): Promise<Sketches>;
  ruleKeys(rules: readonly Rule[]): Promise<RuleKeys>;
}

/**
 * The tables of a dataset, in file order.
 *
 * @param whole the table of all of it
 * @param cuts numbers of conversations before which it is cut, in any order; a repeated one makes a table without a record
 */
export async function cutTables(
  dataset: Dataset,
  whole: IndexTable,
  pool: WorkerPool,
  cuts: readonly number[],
): Promise<readonly CutTable[]> {
  const { seed, size } = whole;
  const { start, end } = dataset.body;
  const offsets = cuts
    .filter((cut) => cut > 0 && cut < size.conversations)
    .map((cut) => byteOffset(whole.offsetOf(cut)))
    .sort((a, b) => a - b);
  const edges = [start, ...offsets, end];
  const tables: CutTable[] = [];
  let records = 0;
  for (const [index, from] of edges.slice(0, -1).entries()) {
    const shard: Shard = { index, range: { start: from, end: edges[index + 1] ?? end } };
    const task = { dataset, shard, seed, stop: newStopFlag() };
    if (from === shard.range.end) {
      tables.push(tableIn(IndexTable.allocate({ turns: 0, conversations: 0 }, seed), task, pool));
      continue;
    }
    const { counts, rows } = resultOf(await pool.takeCensus({ ...task, keepsTurns: true }));
    if (rows === undefined) throw new Error('expected rows');
    const { conversations } = new IndexRows(rows);
    for (let at = 0; at < conversations.length; at += CONVERSATION_NUMBERS) {
      const { idStart, idLength } = CONVERSATION;
      if (conversations[at + idLength] === 0)
        conversations[at + idStart] = (conversations[at + idStart] as number) + records;
    }
    records += counts.records;
    const table = IndexTable.allocate(rows.size, seed);
    for (const half of ['turns', 'normalized'] as const)
      resultOf(await pool.makeIndex({ table, tables: [], parts: [rows], half }));
    tables.push(tableIn(table, task, pool));
  }
  return tables;
}

type ShardTask = Parameters<WorkerPool['sketchShard']>[0];

function tableIn(table: IndexTable, task: ShardTask, pool: WorkerPool): CutTable {
  const isEmpty = table.size.turns === 0;
  return {
    table,
    sketches: async () => {
      const sketches = new Sketches(kernelModule(), table.replies);
      if (!isEmpty) sketches.add(resultOf(await pool.sketchShard(task)).sketches);
      return sketches;
    },
    ruleKeys: async (rules) => {
      const keys = new RuleKeys(table.replies);
      if (!isEmpty) keys.add(resultOf(await pool.normalizeShard({ ...task, rules })).keys);
      return keys;
    },
  };
}

function resultOf<T>(result: TaskResult<T>): T {
  if (result.kind === 'failed') throw new Error(`expected a result, got ${result.code}`);
  return result.value;
}

/** The entry point of a worker thread: each exported function is a task of the pool. */

import { workerData } from 'node:worker_threads';
import type { ByteOffset } from '../core/bytes.js';
import { parseTurn } from '../core/conversation.js';
import { DatasetSyntaxError, type Failure } from '../core/errors.js';
import { BLOCK_BYTES, EXAMPLE_LENGTH_MAX, EXAMPLE_TRIES_MAX, SKIPPED_OFFSETS_MAX } from '../core/limits.js';
import type { TextPosition } from '../core/text-position.js';
import { FileChangedError, withFile } from '../dataset/file.js';
import { positionOf } from '../dataset/position.js';
import { fillNormalized, fillTurns } from '../index/order.js';
import { IndexRows, IndexTable } from '../index/table.js';
import { Kernel, NO_CONVERSATION, RECORD, RECORD_NUMBERS, TURN, TURN_NUMBERS } from '../kernel/kernel.js';
import { ShardSweeper } from './shard-sweep.js';
import { sharedQueries } from './shared-queries.js';
import { isStopped, stopAfter } from './stop-flag.js';
import type {
  CensusTask,
  IndexTask,
  PositionTask,
  ShardCensus,
  ShardSweep,
  ShardTask,
  SweepTask,
  TaskResult,
  WorkerSetup,
} from './tasks.js';
import { InvalidRecordError, type RecordBatch, walk } from './walk.js';

const { module, keyBits } = workerData as WorkerSetup;
const newKernel = () => new Kernel(module, 2 * BLOCK_BYTES, keyBits);
let kernel = newKernel();

/** Thrown inside a task that was stopped: its result isn't needed any more. */
class StoppedError extends Error {
  override readonly name = 'StoppedError';
}

/** Does nothing; completes once the thread is ready. */
export function isLoaded(): true {
  return true;
}

/** Walks a shard, counts its records and turns, and keeps what an index needs of them. */
export function takeCensus(task: CensusTask): Promise<TaskResult<ShardCensus>> {
  return attempt(task, (batches) => {
    const counter = new ShardCounter();
    // Only a kernel that computes all keys looks at every byte of every text.
    kernel.wantAll();
    kernel.beginKeeping();
    const next = batches((batch) => {
      const { records } = counter;
      counter.add(batch);
      // Last, since it may move the memory that the batch is a view of.
      if (task.keepsTurns && batch.conversations > 0) kernel.keep(batch.base, records);
      return false;
    });
    const { records, conversations, turns, skipped, skippedAt, example } = counter;
    const counts = { conversations, turns, skipped, skippedAt, example };
    return { next, records, counts, rows: task.keepsTurns ? kernel.kept() : undefined };
  });
}

/** Walks a shard until no later record could be a better match than the ones found here or in an earlier shard. */
export function sweepShard(task: SweepTask): Promise<TaskResult<ShardSweep>> {
  return attempt(task, (batches) => {
    const sweeper = new ShardSweeper(sharedQueries(task.queries), task.exhaustive);
    let records = 0;
    let conversations = 0;
    kernel.wantNone();
    kernel.wanted.set(task.wanted);
    const next = batches((batch) => {
      sweeper.add(batch, records);
      records += batch.records.length / RECORD_NUMBERS;
      conversations += batch.conversations;
      if (!sweeper.isDecided) return false;
      stopAfter(task.stop, task.shard.index);
      return true;
    });
    return { next, records, conversations, found: sweeper.found };
  });
}

/** Finds the line and column of a byte. */
export function findPosition({ file, offset }: PositionTask): TaskResult<TextPosition> {
  try {
    return { kind: 'done', value: withFile(file, (fd) => positionOf(fd, offset)) };
  } catch (error) {
    return failureOf(error);
  }
}

/** Builds one half of an index. */
export function makeIndex({ table, parts, half }: IndexTask): TaskResult<undefined> {
  const fill = half === 'turns' ? fillTurns : fillNormalized;
  try {
    fill(
      new IndexTable(table),
      parts.map((part) => new IndexRows(part)),
      kernel,
    );
  } catch (error) {
    throw afterTrap(error);
  }
  return { kind: 'done', value: undefined };
}

/** After a trap the kernel's memory is undefined: replace the instance. The task is retried by its sender. */
function afterTrap(error: unknown): unknown {
  if (error instanceof WebAssembly.RuntimeError) kernel = newKernel();
  return error;
}

/** Passes the batches of a shard to `take` until it returns true; returns where the next record begins. */
type Batches = (take: (batch: RecordBatch) => boolean) => ByteOffset;

/**
 * Runs a task on the open dataset, and returns its failure as a value. The stop flag is checked before anything is opened, and before every
 * read.
 */
async function attempt<T>(task: ShardTask, use: (batches: Batches) => T): Promise<TaskResult<T>> {
  const { dataset, shard, stop } = task;
  const assertWanted = () => {
    if (isStopped(stop, shard.index)) throw new StoppedError('no lookup waits for this task any more');
  };
  try {
    assertWanted();
    kernel.useSeed(task.seed);
    const value = withFile(dataset.file, (fd) =>
      use((take) => {
        const batches = walk(kernel, fd, dataset, shard.range, assertWanted);
        for (;;) {
          const { done, value } = batches.next();
          if (done === true) return value;
          if (take(value)) return shard.range.end;
        }
      }),
    );
    return { kind: 'done', value };
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) throw afterTrap(error);
    return failureOf(error instanceof InvalidRecordError ? await explain(task, error) : error);
  }
}

/** Why a record that the kernel rejects is invalid, or why that can't be determined. */
async function explain(
  { dataset }: ShardTask,
  { record, at, message }: InvalidRecordError,
): Promise<unknown> {
  // Loads stream-json, which is rarely needed.
  const { explainRecord } = await import('../dataset/records.js');
  try {
    const explained = withFile(dataset.file, (fd) => explainRecord(fd, dataset, record));
    return explained ?? new DatasetSyntaxError(at, message);
  } catch (error) {
    return error;
  }
}

function failureOf(error: unknown): Failure {
  const detail = error instanceof Error ? error.message : String(error);
  if (error instanceof DatasetSyntaxError) {
    return { kind: 'failed', code: 'dataset_invalid', detail, offset: error.offset };
  }
  if (error instanceof FileChangedError) return { kind: 'failed', code: 'dataset_changed', detail };
  if (error instanceof Error && 'syscall' in error && 'code' in error) {
    return { kind: 'failed', code: 'dataset_unreadable', detail: `the file can't be read (${error.code})` };
  }
  return { kind: 'failed', code: 'worker_failed', detail };
}

/** Counts the contents of a shard's batches. */
class ShardCounter {
  records = 0;
  conversations = 0;
  turns = 0;
  skipped = 0;
  readonly skippedAt: ByteOffset[] = [];
  example: string | undefined;
  private tries = 0;

  add(batch: RecordBatch): void {
    const records = batch.records.length / RECORD_NUMBERS;
    if (batch.conversations < records) this.addSkipped(batch);
    if (this.example === undefined && this.tries < EXAMPLE_TRIES_MAX) this.seekExample(batch);
    this.conversations += batch.conversations;
    this.turns += batch.turns.length / TURN_NUMBERS;
    this.records += records;
  }

  private addSkipped({ base, records }: RecordBatch): void {
    for (let at = 0; at < records.length; at += RECORD_NUMBERS) {
      if (records[at + RECORD.turns] !== NO_CONVERSATION) continue;
      this.skipped++;
      const offset = (base + (records[at + RECORD.start] as number)) as ByteOffset;
      if (this.skippedAt.length < SKIPPED_OFFSETS_MAX) this.skippedAt.push(offset);
    }
  }

  /** Looks for a prompt with a reply. */
  private seekExample(batch: RecordBatch): void {
    const { records } = batch;
    let row = 0;
    for (let at = 0; at < records.length; at += RECORD_NUMBERS) {
      const count = records[at + RECORD.turns] as number;
      if (count === NO_CONVERSATION) continue;
      for (let turn = 0; turn + 1 < count; turn++) {
        this.tryExample(batch, row + turn);
        if (this.example !== undefined || this.tries === EXAMPLE_TRIES_MAX) return;
      }
      row += count;
    }
  }

  /** Takes the text of a turn as the example if it is short and has only one line. */
  private tryExample({ base, offset, bytes, turns }: RecordBatch, row: number): void {
    const length = turns[row * TURN_NUMBERS + TURN.length] as number;
    if (length > 8 * EXAMPLE_LENGTH_MAX) return;
    this.tries++;
    const start = base + (turns[row * TURN_NUMBERS + TURN.start] as number) - offset;
    const turn = parseTurn(JSON.parse(Buffer.from(bytes.subarray(start, start + length)).toString('utf8')));
    const isPresentable =
      turn !== undefined && turn.value.length <= EXAMPLE_LENGTH_MAX && /^\P{Cc}*\S\P{Cc}*$/u.test(turn.value);
    if (isPresentable) this.example = turn.value;
  }
}

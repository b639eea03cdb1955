/** The entry point of a worker thread: each exported function is a task of the pool. */

import { closeSync, openSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { anchorOf } from '../core/anchor.js';
import { type ByteOffset, type ByteRange, byteOffset } from '../core/bytes.js';
import { BEGUN_RECORD_BYTES, BLOCK_BYTES } from '../core/limits.js';
import { atOnce } from '../core/steps.js';
import type { TextPosition } from '../core/text-position.js';
import { addReports } from '../dataset/conversion-report.js';
import { type DatasetFile, withFile, withOpenFile } from '../dataset/file.js';
import { positionOf } from '../dataset/position.js';
import type { TableFile } from '../dataset/sources.js';
import { Marks } from '../index/marks.js';
import { Kernel, RECORD_NUMBERS } from '../kernel/kernel.js';
import type { TakeFields } from './convert-rows.js';
import { explain, failureOf } from './failure-of.js';
import type { PlainRecords } from './plain-records.js';
import type { RecordConverter } from './record-converter.js';
import { scannedBlocks } from './scanned-blocks.js';
import { SeenTwice } from './seen-twice.js';
import { ShardCounter } from './shard-counter.js';
import { ShardIds } from './shard-ids.js';
import { ShardNearest } from './shard-nearest.js';
import { RunCounter, RunWriter } from './shard-runs.js';
import { ShardSearch } from './shard-search.js';
import { ShardSweeper } from './shard-sweep.js';
import { censusWork, fillIndex, ruleWork, type ShardWork, sketchWork } from './shard-work.js';
import { sharedQueries } from './shared-queries.js';
import { SpilledLines } from './spilled-lines.js';
import { isStopped, type StopFlag, stopAfter } from './stop-flag.js';
import { RecordWriter } from './stored-records.js';
import type { RowGroup } from './tables.js';
import type {
  CensusTask,
  ConvertedLines,
  ConvertedRows,
  ConvertedShard,
  ConvertFileTask,
  ConvertRowsTask,
  ConvertTask,
  CountedRuns,
  CountRunsTask,
  IndexTask,
  JoinTask,
  JsonObjects,
  KernelCountTask,
  NearestTask,
  NormalizeTask,
  Outline,
  OutlineTask,
  PositionTask,
  SearchTask,
  ShardCensus,
  ShardHits,
  ShardIdHashes,
  ShardNearestTurns,
  ShardRuleKeys,
  ShardSketches,
  ShardSweep,
  ShardTask,
  Spooled,
  SpoolTask,
  StoredShard,
  StoreTask,
  SweepTask,
  TaskResult,
  UnpackTask,
  UnreadList,
  Walked,
  WorkerSetup,
} from './tasks.js';
import { TurnCounter } from './turn-counter.js';
import { InvalidRecordError, type RecordBatch, walk } from './walk.js';

const { module, keyBits } = workerData as WorkerSetup;
const newKernel = () => new Kernel(module, BLOCK_BYTES + BEGUN_RECORD_BYTES, keyBits);
let kernel = newKernel();
const turnCounter = new TurnCounter();

/** Loads what only conversions need, half of all modules: a thread starts faster without them. */
const loadConverters = () => import('./converters.js');

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
  return work(task, () => censusWork(kernel, task));
}

/** Walks a shard, and counts how often its runs occur. */
export function countRuns(task: CountRunsTask): Promise<TaskResult<CountedRuns>> {
  return attempt(task, (batches) => {
    const counter = new ShardCounter();
    const runs = new RunCounter(new SeenTwice(task.seen));
    kernel.wantAll(true);
    const next = batches((batch) => {
      runs.add(batch, counter.records);
      counter.add(batch);
      return false;
    });
    const { counts } = counter;
    const { replied, repeated, turnsMax } = runs;
    return { next, records: counts.records, counts, replied, repeated, turnsMax };
  });
}

/** Walks a shard, and makes what a store has of it. */
export function storeShard(task: StoreTask): Promise<TaskResult<StoredShard>> {
  return attempt(task, (batches) => {
    const runs = new RunWriter(new SeenTwice(task.seen), task.layout, task.firstRecord);
    const writer = new RecordWriter(task.room);
    let records = 0;
    kernel.wantAll(true);
    const next = batches((batch) => {
      runs.add(batch, records);
      writer.add(batch, records);
      records += batch.records.length / RECORD_NUMBERS;
      return false;
    });
    return { next, records, stored: writer.records, only: runs.only, first: runs.first };
  });
}

/** Walks a shard, and applies rules to its texts. */
export function normalizeShard(task: NormalizeTask): Promise<TaskResult<ShardRuleKeys>> {
  return work(task, () => ruleWork(kernel, newKernel(), task.seed, task.rules));
}

/** Walks a shard, and makes the sketches of its turns. */
export function sketchShard(task: ShardTask): Promise<TaskResult<ShardSketches>> {
  return work(task, () => sketchWork(kernel));
}

/** Walks a shard, and hashes the ids of its records. */
export function hashIds(task: ShardTask): Promise<TaskResult<ShardIdHashes>> {
  return attempt(task, (batches) => {
    const ids = new ShardIds();
    kernel.wantNone();
    const next = batches((batch) => {
      ids.add(batch);
      return false;
    });
    const { hashes } = ids;
    return { next, records: hashes.length, hashes };
  });
}

/** Walks a shard, and finds its turns that are nearest to some texts. */
export function findNearest(task: NearestTask): Promise<TaskResult<ShardNearestTurns>> {
  return attempt(task, (batches) => {
    const nearest = new ShardNearest(task.sought);
    let records = 0;
    kernel.wantSketches();
    const next = batches((batch) => {
      nearest.add(batch, records);
      records += batch.records.length / RECORD_NUMBERS;
      return false;
    });
    return { next, records, found: nearest.found, turns: nearest.turns };
  });
}

/** Searches the texts of a shard. */
export function searchShard(task: SearchTask): Promise<TaskResult<ShardHits>> {
  return attempt(task, (batches, fd) => {
    const { search, firstRecord, shard, blocks } = task;
    const found = new ShardSearch(task);
    kernel.wantSearch(search);
    let known = kernel.foundTexts;
    const walkFrom = (record: number, range: ByteRange) => {
      let records = 0;
      const next = batches((batch) => {
        if (kernel.foundTexts !== known) found.add(batch, record + records);
        known = kernel.foundTexts;
        records += batch.records.length / RECORD_NUMBERS;
        return false;
      }, range);
      return { next, records };
    };
    const anchor = blocks && anchorOf(search.terms, search.ignoresCase);
    let walked: Walked;
    if (blocks === undefined || anchor === undefined) walked = walkFrom(firstRecord, shard.range);
    else {
      const marks = new Marks(blocks.marks);
      kernel.useAnchor(anchor);
      const beforeRead = () => assertRuns(task.stop, shard.index);
      for (const { from, to } of scannedBlocks(kernel, fd, marks, blocks, beforeRead)) {
        const range = { start: byteOffset(marks.offsetAt(from)), end: byteOffset(marks.offsetAt(to)) };
        walkFrom(marks.recordAt(from), range);
      }
      walked = { next: shard.range.end, records: marks.recordAt(blocks.to) - firstRecord };
    }
    const { hits, turns, conversations } = found;
    return { ...walked, hits, turns, conversations };
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

/** Converts the records of a shard to the lines of a spool. */
export async function convertShard(task: ConvertTask): Promise<TaskResult<ConvertedShard>> {
  const { addBatch, plainRecordsFor, RecordConverter } = await loadConverters();
  return attempt(task, (batches) => {
    const converter = new RecordConverter(task.shapes, task.room);
    const plain = plainRecordsFor(task.shapes, module);
    // A task that failed has left its counts.
    plain.begin();
    kernel.wantNone();
    const next = batches((batch) => {
      addBatch(converter, plain, batch, task.dataset.format);
      return converter.isJoining;
    });
    const { records, isJoining } = converter;
    const report = addReports(converter.report, plain.takeReport());
    return { next, records, report, isJoining, ...converter.lines.take() };
  });
}

/** Converts the records of several lists, and puts together the conversations that are spread over them. */
export async function joinLists({
  lists,
  shapes,
  seed,
  stop,
}: JoinTask): Promise<TaskResult<ConvertedLines | UnreadList>> {
  const { plainRecordsFor, RecordConverter } = await loadConverters();
  const converter = new RecordConverter(shapes);
  const plain = plainRecordsFor(shapes, module);
  plain.begin();
  for (const [i, list] of lists.entries()) {
    const added =
      list.format === 'objects'
        ? await addObjects(list, converter, stop)
        : await addList(
            { dataset: list, shard: { index: 0, range: list.body }, seed, stop },
            converter,
            plain,
          );
    if (added.kind === 'failed') return { kind: 'done', value: { list: i, failure: added } };
  }
  converter.join();
  const report = addReports(converter.report, plain.takeReport());
  return { kind: 'done', value: { report, ...converter.lines.take() } };
}

/** Adds the records of a whole list to a converter. */
async function addList(
  task: ShardTask & { readonly dataset: DatasetFile },
  converter: RecordConverter,
  plain: PlainRecords,
): Promise<TaskResult<ByteOffset>> {
  const { addBatch } = await loadConverters();
  return attempt(task, (batches) => {
    kernel.wantNone();
    return batches((batch) => {
      addBatch(converter, plain, batch, task.dataset.format);
      return false;
    });
  });
}

/** Adds JSON objects to a converter. */
async function addObjects(
  { file, body }: JsonObjects,
  converter: RecordConverter,
  stop: StopFlag,
): Promise<TaskResult<undefined>> {
  try {
    const { convertObjects } = await import('./convert-rows.js');
    const onRead = () => assertRuns(stop, 0);
    await withOpenFile(file, (fd) => convertObjects(fd, body, converter, () => {}, onRead));
    return { kind: 'done', value: undefined };
  } catch (error) {
    return failureOf(error);
  }
}

/** Unpacks a file into a spool. */
export function unpackFile({ file, packing, ...task }: UnpackTask): Promise<TaskResult<number>> {
  return spool(task, async (into, onRead) => {
    const { unpack } = await import('./unpack.js');
    return withOpenFile(file, (fd) => unpack(fd, file, packing, into, task.at, onRead));
  });
}

/** Converts a file whose records can't be read in parallel. */
export function convertFile({
  file,
  format,
  start,
  shapes,
  ...task
}: ConvertFileTask): Promise<TaskResult<Spooled>> {
  return spool(task, async (into, onRead) => {
    const { convertObjects, convertSeparated, SpoolEnd } = await import('./convert-rows.js');
    const { plainRecordsFor, RecordConverter, RowConverter } = await loadConverters();
    const converter = new RecordConverter(shapes);
    const out = new SpoolEnd(into, task.at);
    const plain = plainRecordsFor(shapes, module);
    plain.begin();
    const rows = new RowConverter(converter, plain);
    const take: TakeFields = (columns, fields) => {
      rows.addFields(columns, fields);
      out.flush(converter);
    };
    const warnings = await withOpenFile(file, async (fd) => {
      const range = { start, end: byteOffset(file.size) };
      if (format !== 'objects') return convertSeparated(fd, range, format, take, onRead);
      await convertObjects(fd, range, converter, () => out.flush(converter), onRead);
      return [];
    });
    rows.flush();
    converter.join();
    out.flush(converter, true);
    return { end: out.at, report: { ...addReports(converter.report, plain.takeReport()), warnings } };
  });
}

/** Finds the values of a file of JSON, and the lists in it if it is one value. */
export async function outlineFile({
  file,
  start,
  shapes,
  read,
  stop,
}: OutlineTask): Promise<TaskResult<Outline>> {
  try {
    const { outlineOf } = await import('./convert-rows.js');
    const onRead = reporter(read, stop);
    const value = withFile(file, (fd) =>
      outlineOf(fd, { start, end: byteOffset(file.size) }, shapes, onRead),
    );
    return { kind: 'done', value };
  } catch (error) {
    return failureOf(error);
  }
}

/** Lists the groups of rows of a table. */
export async function listRowGroups(table: TableFile): Promise<TaskResult<RowGroup[]>> {
  try {
    const { rowGroups } = await import('./tables.js');
    return { kind: 'done', value: await withOpenFile(table.file, (fd) => rowGroups(fd, table)) };
  } catch (error) {
    return failureOf(error);
  }
}

/** Converts groups of rows of a table. */
export async function convertRows({
  file,
  groups,
  shapes,
  joins,
  temporary,
  stops,
}: ConvertRowsTask): Promise<TaskResult<ConvertedRows>> {
  const spilled = new SpilledLines(temporary);
  try {
    const { readRows } = await import('./tables.js');
    const { plainRecordsFor, RecordConverter, RowConverter } = await loadConverters();
    const converter = new RecordConverter(shapes);
    const plain = plainRecordsFor(shapes, module);
    plain.begin();
    const rows = new RowConverter(converter, plain);
    await withOpenFile(file.file, async (fd) => {
      for (const group of groups) {
        await readRows(fd, file, group, (row) => {
          for (const stop of stops) assertRuns(stop, 0);
          rows.add(row);
          spilled.take(converter.lines);
        });
      }
    });
    rows.flush();
    if (joins) converter.join();
    const { isJoining, lines } = converter;
    const report = addReports(converter.report, plain.takeReport());
    return { kind: 'done', value: { report, isJoining, spilled: spilled.finish(), ...lines.take() } };
  } catch (error) {
    spilled.abandon();
    return failureOf(error);
  }
}

/** Runs a task that writes to a spool, and returns its failure as a value. */
async function spool<T>(
  { into, read, stop }: SpoolTask | Omit<SpoolTask, 'file'>,
  write: (into: number, onRead: (bytes: number) => void) => Promise<T>,
): Promise<TaskResult<T>> {
  try {
    const fd = openSync(into, 'r+');
    try {
      return { kind: 'done', value: await write(fd, reporter(read, stop)) };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    return failureOf(error);
  }
}

/** Reports how many bytes were read, and throws once the task is stopped. */
function reporter(read: Float64Array, stop: StopFlag): (bytes: number) => void {
  return (bytes) => {
    read[0] = bytes;
    assertRuns(stop, 0);
  };
}

/** @throws StoppedError once the shard doesn't matter any more */
function assertRuns(stop: StopFlag, shardIndex: number): void {
  if (isStopped(stop, shardIndex)) throw new StoppedError('no lookup waits for this task any more');
}

/** Finds the line and column of a byte. */
export function findPosition({ file, offset, from }: PositionTask): TaskResult<TextPosition> {
  try {
    return { kind: 'done', value: withFile(file, (fd) => positionOf(fd, offset, from)) };
  } catch (error) {
    return failureOf(error);
  }
}

/** Counts the tokens of turns, and stores the counts in the index. */
export function countTurns(task: KernelCountTask): TaskResult<number> {
  try {
    return { kind: 'done', value: atOnce(turnCounter.count(task, kernel)) };
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) throw afterTrap(error);
    return failureOf(error);
  }
}

/** Builds one half of an index. */
export function makeIndex(task: IndexTask): TaskResult<undefined> {
  try {
    fillIndex(task, kernel);
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

/** Walks a shard, and does work on all of its records. */
function work<T>(task: ShardTask, begin: () => ShardWork<T>): Promise<TaskResult<T>> {
  return attempt(task, (batches) => {
    const { add, finish } = begin();
    const next = batches((batch) => {
      add(batch);
      return false;
    });
    return finish(next);
  });
}

/** Passes the batches of a range, the shard's by default, to `take` until it returns true; returns where the next record begins. */
type Batches = (take: (batch: RecordBatch) => boolean, range?: ByteRange) => ByteOffset;

/**
 * Runs a task on the open dataset, and returns its failure as a value. The stop flag is checked before anything is opened, and before every
 * read.
 */
async function attempt<T>(task: ShardTask, use: (batches: Batches, fd: number) => T): Promise<TaskResult<T>> {
  const { dataset, shard, stop } = task;
  const assertWanted = () => assertRuns(stop, shard.index);
  try {
    assertWanted();
    kernel.useSeed(task.seed);
    const value = withFile(dataset.file, (fd) =>
      use((take, range = shard.range) => {
        const batches = walk(kernel, fd, dataset, range, assertWanted);
        for (;;) {
          const { done, value } = batches.next();
          if (done === true) return value;
          if (take(value)) return range.end;
        }
      }, fd),
    );
    return { kind: 'done', value };
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) throw afterTrap(error);
    return failureOf(error instanceof InvalidRecordError ? await explain(task, error) : error);
  }
}

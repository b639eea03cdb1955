/** The main thread's interface to the threads that read the dataset: typed tasks in, results out, no exceptions. */

import type { TextPosition } from '../core/text-position.js';
import type { TableFile } from '../dataset/sources.js';
import { KEY_BITS, kernelModule } from '../kernel/kernel.js';
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
  StoredShard,
  StoreTask,
  SweepTask,
  TaskResult,
  UnpackTask,
  UnreadList,
  WorkerSetup,
} from './tasks.js';
import type * as thread from './thread.js';
import { Threads } from './threads.js';
import { freeTokenizers } from './vocabulary.js';

/** A fixed number of threads. */
export class WorkerPool {
  /** The number of threads. */
  readonly workers: number;
  private readonly threads: Threads;

  /** @param keyBits how many bits of a key the kernels keep: see `Kernel` */
  constructor(workers: number, keyBits: number = KEY_BITS) {
    this.workers = workers;
    this.threads = new Threads({
      filename: new URL('./thread.js', import.meta.url),
      threads: workers,
      // A thread gets its next task before it finishes the current one, so that a busy main thread delays none.
      tasksAhead: 2,
      // Compiled once for all threads.
      workerData: { module: kernelModule(), keyBits } satisfies WorkerSetup,
      onEnd: freeTokenizers,
    });
  }

  /** The number of tasks that wait for a thread. */
  get queue(): number {
    return this.threads.queue;
  }

  /** Called when a thread has died; it is replaced. */
  set onDeath(act: () => void) {
    this.threads.onDeath = act;
  }

  /** How many threads have died and were replaced so far. */
  get deaths(): number {
    return this.threads.deaths;
  }

  /** Counts the contents of a shard, and keeps its part of an index. */
  takeCensus(task: CensusTask): Promise<TaskResult<ShardCensus>> {
    return this.run('takeCensus', task);
  }

  /** Finds the line and column of a byte. */
  findPosition(task: PositionTask): Promise<TaskResult<TextPosition>> {
    return this.run('findPosition', task);
  }

  /** Searches a shard. */
  sweepShard(task: SweepTask): Promise<TaskResult<ShardSweep>> {
    return this.run('sweepShard', task);
  }

  /** Searches the texts of a shard. */
  searchShard(task: SearchTask): Promise<TaskResult<ShardHits>> {
    return this.run('searchShard', task);
  }

  /** Makes the sketches of a shard's turns. */
  sketchShard(task: ShardTask): Promise<TaskResult<ShardSketches>> {
    return this.run('sketchShard', task);
  }

  /** Hashes the ids of a shard's records. */
  hashIds(task: ShardTask): Promise<TaskResult<ShardIdHashes>> {
    return this.run('hashIds', task);
  }

  /** Counts how often the runs of a shard occur. */
  countRuns(task: CountRunsTask): Promise<TaskResult<CountedRuns>> {
    return this.run('countRuns', task);
  }

  /** Makes what a store has of a shard. */
  storeShard(task: StoreTask): Promise<TaskResult<StoredShard>> {
    return this.run('storeShard', task);
  }

  /** Applies rules to the texts of a shard. */
  normalizeShard(task: NormalizeTask): Promise<TaskResult<ShardRuleKeys>> {
    return this.run('normalizeShard', task);
  }

  /** Finds the turns of a shard that are nearest to some texts. */
  findNearest(task: NearestTask): Promise<TaskResult<ShardNearestTurns>> {
    return this.run('findNearest', task);
  }

  /** Converts the records of a shard. */
  convertShard(task: ConvertTask): Promise<TaskResult<ConvertedShard>> {
    return this.run('convertShard', task);
  }

  /** Converts the records of several lists together. */
  joinLists(task: JoinTask): Promise<TaskResult<ConvertedLines | UnreadList>> {
    return this.run('joinLists', task);
  }

  /** Unpacks a file. Returns where the next byte of the spool would go. */
  unpackFile(task: UnpackTask): Promise<TaskResult<number>> {
    return this.run('unpackFile', task);
  }

  /** Converts a file whose records can't be read in parallel. */
  convertFile(task: ConvertFileTask): Promise<TaskResult<Spooled>> {
    return this.run('convertFile', task);
  }

  /** Finds the values of a file of JSON. */
  outlineFile(task: OutlineTask): Promise<TaskResult<Outline>> {
    return this.run('outlineFile', task);
  }

  /** Lists the groups of rows of a table. */
  listRowGroups(file: TableFile): Promise<TaskResult<RowGroup[]>> {
    return this.run('listRowGroups', file);
  }

  /** Converts groups of rows of a table. */
  convertRows(task: ConvertRowsTask): Promise<TaskResult<ConvertedRows>> {
    return this.run('convertRows', task);
  }

  /** Counts the tokens of turns, and stores the counts in their index. The result is the row to continue from. */
  countTurns(task: KernelCountTask): Promise<TaskResult<number>> {
    return this.run('countTurns', task);
  }

  /** Builds one half of an index. */
  makeIndex(task: IndexTask): Promise<TaskResult<undefined>> {
    return this.run('makeIndex', task);
  }

  /** Waits for the running and queued tasks, then ends the threads. */
  close(): Promise<void> {
    return this.threads.close();
  }

  private run<T>(name: keyof typeof thread, task: object): Promise<TaskResult<T>> {
    return this.threads.run(name, task);
  }
}

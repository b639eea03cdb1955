import { dirname } from 'node:path';
import { type ByteOffset, byteOffset } from '../core/bytes.js';
import type { TaskFailure } from '../core/errors.js';
import type { KeySeed } from '../core/keys.js';
import { JOINED_BYTES_MAX, SHARD_BYTES, SPOOL_HEADER_BYTES, SURVEY_BYTES_MIN } from '../core/limits.js';
import { addReports, type ConversionReport, NOTHING_CONVERTED } from '../dataset/conversion-report.js';
import { datasetErrorOf } from '../dataset/dataset.js';
import { DatasetError } from '../dataset/dataset-error.js';
import { type DatasetFile, type FileIdentity, identityAt, isSystemError, saysFull } from '../dataset/file.js';
import { refusalText, unmappedText } from '../dataset/refusal.js';
import type { ShapeOptions } from '../dataset/shapes/shape.js';
import {
  containerOf,
  type Recognized,
  type RecognizedFile,
  recognizeFile,
  type TableFile,
} from '../dataset/sources.js';
import { assertSplit, chosenLists } from '../dataset/splits.js';
import type { Spool, SpoolWriter } from '../dataset/spool.js';
import { Kernel, kernelModule } from '../kernel/kernel.js';
import { planShards, processSeed } from '../workers/plan-shards.js';
import type { WorkerPool } from '../workers/pool.js';
import { readSpilled, removeSpilled } from '../workers/spilled-lines.js';
import { fillRows } from '../workers/spool-lines.js';
import { newStopFlag, type StopFlag, stopAll } from '../workers/stop-flag.js';
import type { RowGroup } from '../workers/tables.js';
import type {
  ConvertedLines,
  ConvertedRows,
  ConvertFileTask,
  JsonObjects,
  TaskResult,
} from '../workers/tasks.js';

/** How a dataset is spooled. */
export interface SpoolOptions {
  readonly shapes: ShapeOptions;
  /** The splits that are wanted; all if empty. */
  readonly splits: readonly string[];
  /** The folder for spools and indexes; `none` for a temporary one; undefined: next to the dataset, else the user's cache folder. */
  readonly indexDir: string | undefined;
  /** Called with the share of the work that is done, 0 to 1. */
  readonly onProgress: (progress: number) => void;
  /** Called when another process makes the same spool, which this one waits for. */
  readonly onWaiting: () => void;
}

/** The results of tasks that may wait to be written, per worker. */
const RESULTS_A_WORKER = 3;

/** Memory for the lines of a shard. */
const ROOM_BYTES = 2 * SHARD_BYTES;

/** How often the progress of a single task is looked at. */
const PROGRESS_MS = 100;

type PackedFile = RecognizedFile & { readonly kind: 'packed' };
type ObjectsFile = RecognizedFile & { readonly kind: 'objects' };

/** Records that are joined with others, and the work whose errors name their file. */
interface JoinedList {
  readonly list: DatasetFile | JsonObjects;
  readonly work: SpoolWork;
}

/** The share of a step that must be done before it says how much space the whole takes. */
const PROGRESS_KNOWN_MIN = 0.01;

/** The disk that a spool is written to is full. */
export class DiskFullError extends Error {
  override readonly name = 'DiskFullError';

  /**
   * @param path the spool
   * @param needed the bytes that it needs; undefined if that isn't known
   */
  constructor(path: string, needed?: number) {
    const room = needed === undefined ? 'more space' : `about ${Math.ceil(needed / 1_000_000)} MB`;
    super(`the disk is full: it needs ${room} in ${dirname(path)}`);
  }
}

/** The work of making one spool. */
export class SpoolWork {
  /** The dataset's path, for messages. */
  private readonly path: string;
  private readonly writer: SpoolWriter;
  private readonly pool: WorkerPool;
  private readonly stop: StopFlag;
  private readonly options: SpoolOptions;
  private report: ConversionReport = NOTHING_CONVERTED;
  private isFinished = false;
  private progress = 0;
  /** The share of the work that the current step is. */
  private from = 0;
  private to = 1;
  private isUnpacking = false;

  constructor(path: string, writer: SpoolWriter, pool: WorkerPool, stop: StopFlag, options: SpoolOptions) {
    this.path = path;
    this.writer = writer;
    this.pool = pool;
    this.stop = stop;
    this.options = options;
  }

  async run(source: Recognized): Promise<Spool> {
    if (source.kind === 'joined') return this.joinFiles(source);
    const inner = source.kind === 'packed' ? await this.unpack(source) : source;
    const container =
      source === inner ? containerOf(source) : `${containerOf(source)}, ${containerOf(inner)}`;
    this.report = { ...this.report, container };
    if (inner.kind !== 'objects') assertSplit(this.path, this.options.splits);
    if (source.kind === 'packed' && inner.kind === 'list' && inner.isServedAsIs) {
      await this.writer.useUnpacked(inner.file.size);
      return this.finish(source.file, { format: inner.format, start: inner.body.start });
    }
    await this.convert(inner);
    return this.finishLines(source.file);
  }

  /** Removes what is unfinished. */
  async end(): Promise<void> {
    if (!this.isFinished) await this.writer.abandon();
    await this.writer.removeUnpacked();
  }

  /** The error for a full disk. It says how much space is needed, as far as that is known. */
  diskFull(): DiskFullError {
    const share = (this.progress - this.from) / (this.to - this.from);
    const isKnown = share > PROGRESS_KNOWN_MIN;
    return new DiskFullError(this.writer.path, isKnown ? this.bytesNeeded(share) : undefined);
  }

  /** @param share how much of the current step is done */
  private bytesNeeded(share: number): number {
    const unpacked = identityAt(this.writer.unpacked)?.size ?? 0;
    if (!this.isUnpacking) return unpacked + (identityAt(this.writer.path)?.size ?? 0) / share;
    // The lines that it is converted to take about as much space, and both are on the disk at once.
    return (unpacked / share) * (this.isUnpackedServedAsIs() ? 1 : 2);
  }

  /** True if the content of a packed file seems to be served as it is, by what was unpacked so far. */
  private isUnpackedServedAsIs(): boolean {
    try {
      const inner = this.recognizeUnpacked();
      return inner.kind === 'list' && inner.isServedAsIs;
    } catch (error) {
      if (!(error instanceof DatasetError) && !isSystemError(error)) throw error;
      return false;
    }
  }

  /** @throws DatasetError if there is no conversation */
  private finishLines(source: FileIdentity): Promise<Spool> {
    if (this.report.conversations === 0) throw new DatasetError(this.path, refusalText(this.report));
    return this.finish(source, { format: 'lines', start: SPOOL_HEADER_BYTES });
  }

  private async finish(
    source: FileIdentity,
    body: { format: DatasetFile['format']; start: number },
  ): Promise<Spool> {
    const unmapped =
      this.report.records === 0 ? undefined : unmappedText(this.options.shapes.map, this.report.shapes);
    const warnings = [...this.report.warnings, ...(unmapped === undefined ? [] : [unmapped])];
    const spool = await this.writer.finish(source, body, { ...this.report, warnings });
    this.isFinished = true;
    return spool;
  }

  private async convert(source: RecognizedFile): Promise<void> {
    switch (source.kind) {
      case 'list':
        return this.convertList(source);
      case 'objects':
        return this.convertObjects(source);
      case 'separated':
        return this.convertFile(source.file, source.separator, source.start);
      case 'table':
        return this.convertTable(source);
      case 'packed':
        throw new DatasetError(this.path, 'packed twice; unpack it once yourself');
    }
  }

  /** Unpacks a file, and says what it holds. */
  private async unpack(source: PackedFile): Promise<RecognizedFile> {
    this.to = 0.5;
    this.isUnpacking = true;
    await this.writer.beginUnpacked();
    const inner = await this.unpackInto(source, this.writer.unpacked, SPOOL_HEADER_BYTES);
    this.isUnpacking = false;
    this.from = 0.5;
    this.to = 1;
    return inner;
  }

  private async unpackInto({ file, packing }: PackedFile, into: string, at: number): Promise<RecognizedFile> {
    await this.following(file, (read) =>
      this.pool.unpackFile({ file, packing, into, at, read, stop: this.stop }),
    );
    return this.recognizeAt(into, at);
  }

  private recognizeUnpacked(): RecognizedFile {
    return this.recognizeAt(this.writer.unpacked, SPOOL_HEADER_BYTES);
  }

  private recognizeAt(path: string, at: number): RecognizedFile {
    return recognizeFile(this.identityOf(path), this.options.shapes, at, this.path);
  }

  private identityOf(path: string): FileIdentity {
    const file = identityAt(path);
    if (file === undefined) throw new DatasetError(this.path, 'its spool was removed', undefined, true);
    return file;
  }

  private async convertList(list: DatasetFile): Promise<void> {
    const { file, format, body } = list;
    const dataset = { source: file, file, format, body };
    const plan = planShards(dataset, this.pool.workers, new Kernel(kernelModule(), SURVEY_BYTES_MIN));
    const startOver = this.beginning();
    const { shapes } = this.options;
    const task = { dataset, seed: plan.seed, stop: this.stop, shapes };
    const rooms: SharedArrayBuffer[] = [];
    const newRoom = () => new SharedArrayBuffer(ROOM_BYTES);
    const results = plan.run(
      (shard) => this.pool.convertShard({ ...task, shard, room: rooms.pop() ?? newRoom() }),
      this.pool.workers,
      RESULTS_A_WORKER * this.pool.workers,
    );
    for await (const { result } of results) {
      const { isJoining, next, ...lines } = await this.valueOf(file, result);
      if (isJoining) {
        startOver();
        return this.join([{ list, work: this }], plan.seed);
      }
      await this.add(lines);
      rooms.push(lines.bytes.buffer);
      this.show((next - body.start) / (body.end - body.start));
    }
  }

  /** Makes a spool of files whose conversations are spread over all of them. */
  private async joinFiles({ file, files }: Recognized & { kind: 'joined' }): Promise<Spool> {
    const lists: JoinedList[] = [];
    const containers = new Set<string>();
    for (const each of files) {
      // Its errors name the file.
      const work = new SpoolWork(each.file.path, this.writer, this.pool, this.stop, this.options);
      lists.push(...(await work.listsOf(each)));
      containers.add(work.report.container);
    }
    this.report = { ...this.report, container: [...containers].join(' and ') };
    await this.join(lists, processSeed());
    return this.finishLines(file);
  }

  /** The lists of records in a file that is joined with others. */
  private async listsOf(source: RecognizedFile): Promise<readonly JoinedList[]> {
    const isPacked = source.kind === 'packed';
    const inner = isPacked ? await this.unpackInto(source, await this.writer.beginPart(), 0) : source;
    const kinds = isPacked ? [source, inner] : [source];
    this.report = { ...this.report, container: kinds.map(containerOf).join(', ') };
    const lists = await this.jsonIn(inner);
    return lists.map((list) => ({ list, work: this }));
  }

  private async jsonIn(source: RecognizedFile): Promise<readonly (DatasetFile | JsonObjects)[]> {
    if (source.kind === 'list') {
      assertSplit(this.path, this.options.splits);
      return [source];
    }
    if (source.kind !== 'objects') {
      throw new DatasetError(this.path, 'its records are joined with those of other files: expected JSON');
    }
    const { file, start } = source;
    const lists = await this.chosenListsIn(source);
    if (lists !== undefined) return lists;
    return [{ file, format: 'objects', body: { start, end: byteOffset(file.size) } }];
  }

  /** Converts lists whose conversations are spread over all of their records, in one task. */
  private async join(lists: readonly JoinedList[], seed: KeySeed): Promise<void> {
    this.assertJoinable(lists.reduce((sum, { list: { body } }) => sum + body.end - body.start, 0));
    const { shapes } = this.options;
    const task = { lists: lists.map(({ list }) => list), seed, shapes, stop: this.stop };
    const result = await this.pool.joinLists(task);
    if (result.kind === 'failed') throw datasetErrorOf({ source: { path: this.path } }, result);
    const { value } = result;
    if (!('failure' in value)) return this.add(value);
    const { list, work } = lists[value.list] as JoinedList;
    throw await work.errorOf(list.file, value.failure);
  }

  /** @throws DatasetError if there are too many bytes of records to join them */
  private assertJoinable(bytes: number): void {
    if (bytes <= JOINED_BYTES_MAX) return;
    const problem = `its conversations are spread over several records: all of them together may have ${JOINED_BYTES_MAX} bytes`;
    throw new DatasetError(this.path, problem);
  }

  /** Returns a function that discards what is converted from now on. */
  private beginning(): () => void {
    const { report } = this;
    const { at } = this.writer;
    return () => {
      this.writer.at = at;
      this.report = report;
    };
  }

  private async convertObjects(source: ObjectsFile): Promise<void> {
    const lists = await this.chosenListsIn(source);
    if (lists === undefined) return this.convertFile(source.file, 'objects', source.start);
    for (const list of lists) await this.convertList(list);
  }

  /** The wanted lists of a file that is one object of lists; undefined if its values are records. */
  private async chosenListsIn({ file, start }: ObjectsFile): Promise<readonly DatasetFile[] | undefined> {
    const { shapes, splits } = this.options;
    const { values, lists } = await this.following(file, (read) =>
      this.pool.outlineFile({ file, start, shapes, read, stop: this.stop }),
    );
    if (values === 1 && lists.length > 0)
      return chosenLists(this.path, splits, lists).map(({ body }) => ({ file, format: 'array', body }));
    assertSplit(this.path, splits);
    return undefined;
  }

  private async convertFile(
    file: FileIdentity,
    format: ConvertFileTask['format'],
    start: ByteOffset,
  ): Promise<void> {
    const { path: into, at } = this.writer;
    const { shapes } = this.options;
    const { end, report } = await this.following(file, (read) =>
      this.pool.convertFile({ file, format, start, shapes, into, at, read, stop: this.stop }),
    );
    this.writer.at = end;
    this.report = addReports(this.report, report);
  }

  private async convertTable({ file, table, start }: TableFile): Promise<void> {
    const task = { file: { file, table, start }, shapes: this.options.shapes };
    const groups = await this.valueOf(file, await this.pool.listRowGroups(task.file));
    // Ends the other groups after an error.
    const stop = newStopFlag();
    const startOver = this.beginning();
    const bytes = groups.reduce((sum, group) => sum + group.bytes, 0);
    const convert = (each: readonly RowGroup[], joins: boolean) => {
      const temporary = this.writer.newPartPath();
      const stops = joins ? [this.stop] : [this.stop, stop];
      return this.pool.convertRows({ ...task, groups: each, joins, temporary, stops });
    };
    const running: Promise<TaskResult<ConvertedRows>>[] = [];
    const waiting = groups.values();
    const begin = () => {
      const { value } = waiting.next();
      if (value !== undefined) running.push(convert([value], false));
    };
    for (let i = 0; i < this.pool.workers; i++) begin();
    let done = 0;
    try {
      for (const group of groups) {
        const rows = await this.valueOf(file, (await running[0]) as TaskResult<ConvertedRows>);
        if (rows.isJoining) {
          stopAll(stop);
          startOver();
          this.assertJoinable(bytes);
          return this.addRows(await this.valueOf(file, await convert(groups, true)));
        }
        running.shift();
        await this.addRows(rows);
        begin();
        done += group.bytes;
        this.show(done / bytes);
      }
    } finally {
      stopAll(stop);
      for (const result of running) {
        result.then(
          (each) => each.kind === 'done' && each.value.spilled && removeSpilled(each.value.spilled),
        );
      }
    }
  }

  private async addRows({ spilled, ...rest }: ConvertedRows): Promise<void> {
    if (spilled !== undefined) await readSpilled(spilled, (lines, blanks) => this.write(lines, blanks));
    await this.add(rest);
  }

  private async add({ bytes, blanks, report }: ConvertedLines): Promise<void> {
    await this.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), blanks);
    this.report = addReports(this.report, report);
  }

  /** @param blanks of records that come after all those of the report */
  private async write(lines: Buffer, blanks: Uint32Array): Promise<void> {
    fillRows(lines, blanks, this.report.records);
    await this.writer.write(lines);
  }

  /** The value of a task's result, shown while it runs. */
  private async following<T>(
    file: FileIdentity,
    run: (read: Float64Array<SharedArrayBuffer>) => Promise<TaskResult<T>>,
  ): Promise<T> {
    const read = new Float64Array(new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT));
    const timer = setInterval(() => this.show((read[0] as number) / file.size), PROGRESS_MS);
    timer.unref();
    try {
      const result = await run(read);
      this.show((read[0] as number) / file.size);
      return await this.valueOf(file, result);
    } finally {
      clearInterval(timer);
    }
  }

  /** @throws DatasetError if the task failed */
  private async valueOf<T>(file: FileIdentity, result: TaskResult<T>): Promise<T> {
    if (result.kind === 'done') return result.value;
    throw await this.errorOf(file, result);
  }

  private async errorOf(file: FileIdentity, failure: TaskFailure): Promise<Error> {
    if (saysFull(failure.systemCode)) return this.diskFull();
    const dataset = { source: { path: this.path } };
    const { offset } = failure;
    if (offset === undefined) return datasetErrorOf(dataset, failure);
    const from = byteOffset(file.path === this.writer.unpacked ? SPOOL_HEADER_BYTES : 0);
    const found = await this.pool.findPosition({ file, offset, from });
    return found.kind === 'failed'
      ? datasetErrorOf(dataset, found)
      : datasetErrorOf(dataset, failure, found.value);
  }

  private show(share: number): void {
    this.progress = this.from + share * (this.to - this.from);
    this.options.onProgress(this.progress);
  }
}

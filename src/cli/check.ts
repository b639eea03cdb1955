import { type Conversation, parseConversation } from '../core/conversation.js';
import { SHARD_BYTES, SURVEY_BYTES_MIN } from '../core/limits.js';
import type { TextPosition } from '../core/text-position.js';
import type { ConversionReport, SkippedRecord } from '../dataset/conversion-report.js';
import type { Counts } from '../dataset/counts.js';
import { type Dataset, datasetOf, recognizeDataset, textStart, withDataset } from '../dataset/dataset.js';
import { positionOf } from '../dataset/position.js';
import { describeSkipped } from '../dataset/refusal.js';
import { hasConvertible, recordsAt, sampleOf } from '../dataset/sample.js';
import { isRecord } from '../dataset/shapes/record.js';
import { DEFAULT_SHAPE_OPTIONS } from '../dataset/shapes/shape.js';
import { readRecord } from '../dataset/shapes/shapes.js';
import { containerOf, type Recognized } from '../dataset/sources.js';
import type { Progress } from '../http/progress.js';
import { Kernel, kernelModule } from '../kernel/kernel.js';
import { Census } from '../models/census.js';
import { Spooler } from '../models/spooling.js';
import { planShards } from '../workers/plan-shards.js';
import { WorkerPool } from '../workers/pool.js';
import { newStopFlag, stopAll } from '../workers/stop-flag.js';

/** What a dataset contains, and how it is served. */
export interface CheckReport {
  readonly path: string;
  /** The kinds of file, from the outer to the inner: `gzip, JSON lines`. */
  readonly container: string;
  /** The size of the file in bytes. */
  readonly bytes: number;
  /** The size in bytes of the JSON lines that the file is converted to at the start; undefined if it is served as it is. */
  readonly convertedBytes: number | undefined;
  readonly conversations: number;
  readonly turns: number;
  /** Records that aren't served. */
  readonly skipped: number;
  /** How many records have which shape. If the file is served as it is, only a sample of its records was counted. */
  readonly shapes: Readonly<Record<string, number>>;
  /** How many records were skipped for which reason; of a file that is served as it is, only the first few. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly firstSkipped: (SkippedRecord & { readonly position: TextPosition | undefined }) | undefined;
  readonly sample: Sample;
}

/** The first conversations. */
interface Sample {
  readonly conversations: number;
  /** How many turns have which role. */
  readonly roles: Readonly<Record<string, number>>;
  /** The median and the greatest length of their texts, in characters. */
  readonly lengths: { readonly median: number; readonly longest: number };
  /** A prompt and its reply. */
  readonly example: { readonly prompt: string; readonly reply: string } | undefined;
}

/**
 * Reads a whole dataset, as the server does before it builds an index.
 *
 * @param workersMax the most threads to use; a short file gets fewer
 * @throws DatasetError if the server can't serve the file
 */
export async function check(path: string, workersMax: number, progress: Progress): Promise<CheckReport> {
  const recognized = recognizeDataset(path);
  const workers = Math.min(workersMax, Math.ceil(recognized.file.size / SHARD_BYTES));
  const checking = new Checking(recognized, new WorkerPool(workers), progress);
  try {
    return await checking.run();
  } finally {
    await checking.end();
  }
}

class Checking {
  private readonly recognized: Recognized;
  private readonly pool: WorkerPool;
  private readonly progress: Progress;
  private readonly stop = newStopFlag();
  private readonly spooler: Spooler;

  constructor(recognized: Recognized, pool: WorkerPool, progress: Progress) {
    this.recognized = recognized;
    this.pool = pool;
    this.progress = progress;
    const { path, size } = recognized.file;
    const onProgress = (share: number) => progress.show(share, size, 'convert');
    const shapes = DEFAULT_SHAPE_OPTIONS;
    this.spooler = new Spooler(path, { shapes, splits: [], indexDir: 'none', onProgress });
  }

  async run(): Promise<CheckReport> {
    const { recognized } = this;
    if (recognized.kind !== 'list' || !recognized.isServedAsIs) return this.checkConverted(recognized);
    const dataset = datasetOf(recognized);
    const counts = await this.count(dataset);
    const isMixed = withDataset(dataset, (fd) => hasConvertible(fd, dataset, counts.skippedAt));
    return isMixed ? this.checkConverted(recognized) : this.reportOf(dataset, counts, undefined);
  }

  async end(): Promise<void> {
    this.progress.end();
    stopAll(this.stop);
    this.spooler.close();
    await this.pool.close();
  }

  private async checkConverted(recognized: Recognized): Promise<CheckReport> {
    const { dataset, report } = await this.spooler.make(recognized, this.pool);
    const spooled = { ...dataset, source: recognized.file };
    return this.reportOf(spooled, await this.count(spooled), report);
  }

  private async count(dataset: Dataset): Promise<Counts> {
    const plan = planShards(dataset, this.pool.workers, new Kernel(kernelModule(), SURVEY_BYTES_MIN));
    const census = new Census(plan, this.pool, this.stop);
    await census.take(false, () => this.progress.show(census.progress, dataset.body.end));
    return census.counts;
  }

  /** @param made how the dataset's spool was made, if it has one */
  private reportOf(dataset: Dataset, counts: Counts, made: ConversionReport | undefined): CheckReport {
    const { file } = this.recognized;
    // Nothing is converted if the file was only unpacked.
    const converted = made !== undefined && made.records > 0 ? made : undefined;
    return withDataset(dataset, (fd) => {
      const records = sampleOf(fd, dataset).map(({ value }) => value);
      const skipped = converted ?? skippedIn(fd, dataset, counts);
      return {
        path: file.path,
        container: made?.container ?? containerOf(this.recognized),
        bytes: file.size,
        convertedBytes: made && dataset.file.size,
        conversations: counts.conversations,
        turns: counts.turns,
        skipped: converted?.skipped ?? counts.skipped,
        shapes: converted?.shapes ?? shapesOf(records),
        reasons: skipped.reasons,
        firstSkipped: skipped.firstSkipped && { position: undefined, ...skipped.firstSkipped },
        sample: sampled(records),
      };
    });
  }
}

/** The first records of a dataset that the server skips. */
function skippedIn(
  fd: number,
  dataset: Dataset,
  { skippedAt }: Counts,
): Pick<CheckReport, 'reasons' | 'firstSkipped'> {
  const records = recordsAt(fd, dataset, skippedAt).map(({ value, text }) => describeSkipped(value, text, 0));
  const [first] = records;
  const [offset] = skippedAt;
  const firstSkipped =
    first && offset !== undefined
      ? { ...first, position: positionOf(fd, offset, textStart(dataset)) }
      : undefined;
  return { reasons: countsOf(records.map(({ reason }) => reason)), firstSkipped };
}

function shapesOf(records: readonly unknown[]): Record<string, number> {
  const readings = records.filter(isRecord).map((record) => readRecord(record, DEFAULT_SHAPE_OPTIONS));
  return countsOf(readings.flatMap((reading) => reading?.shape.name ?? []));
}

function sampled(records: readonly unknown[]): Sample {
  const conversations = records.map(parseConversation).filter((each) => each !== undefined);
  const turns = conversations.flatMap((conversation) => conversation.turns);
  const lengths = turns.map(({ value }) => value.length).sort((one, other) => one - other);
  return {
    conversations: conversations.length,
    roles: countsOf(turns.map(({ from }) => from)),
    lengths: { median: lengths[lengths.length >> 1] ?? 0, longest: lengths.at(-1) ?? 0 },
    example: exampleIn(conversations),
  };
}

function exampleIn(conversations: readonly Conversation[]): Sample['example'] {
  for (const { turns } of conversations) {
    for (const [i, { value: prompt }] of turns.entries()) {
      const reply = turns[i + 1]?.value;
      const isPrompt = turns[i + 1] !== undefined && !/^system$/i.test(turns[i]?.from ?? '');
      if (isPrompt && prompt.trim() !== '' && reply !== undefined && reply.trim() !== '')
        return { prompt, reply };
    }
  }
  return undefined;
}

function countsOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

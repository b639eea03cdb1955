import { type Conversation, parseConversation } from '../core/conversation.js';
import { SURVEY_BYTES_MIN } from '../core/limits.js';
import type { ConversionReport } from '../dataset/conversion-report.js';
import type { Counts } from '../dataset/counts.js';
import { type Dataset, datasetOf, recognizeTogether, textStart, withDataset } from '../dataset/dataset.js';
import { positionOf } from '../dataset/position.js';
import { describeSampled, unmappedText } from '../dataset/refusal.js';
import { hasConvertible, recordsAt, sampleOf } from '../dataset/sample.js';
import { isRecord } from '../dataset/shapes/record.js';
import type { ShapeOptions } from '../dataset/shapes/shape.js';
import { readRecord } from '../dataset/shapes/shapes.js';
import { containerOf, type Recognized } from '../dataset/sources.js';
import { assertSplit } from '../dataset/splits.js';
import { TextCounter } from '../dataset/text-counter.js';
import type { Progress } from '../http/progress.js';
import { Kernel, kernelModule } from '../kernel/kernel.js';
import { Census } from '../models/census.js';
import { type FileGroup, nameOf } from '../models/joined-files.js';
import type { SpoolOptions } from '../models/spool-work.js';
import { Spooler } from '../models/spooling.js';
import { planShards } from '../workers/plan-shards.js';
import type { WorkerPool } from '../workers/pool.js';
import { newStopFlag, stopAll } from '../workers/stop-flag.js';
import { type Contents, countsOf, type FileReport, type FirstSkipped, type Texts } from './check-report.js';

/** How files are read. */
export type ReadingOptions = Pick<SpoolOptions, 'shapes' | 'splits'>;

/**
 * Reads a whole file, or a group of them, as the server does before it builds an index.
 *
 * @throws DatasetError if the server can't serve the file
 */
export async function checkFile(
  group: FileGroup,
  options: ReadingOptions,
  pool: WorkerPool,
  progress: Progress,
): Promise<FileReport> {
  const checking = new Checking(group, options, pool, progress);
  try {
    return await checking.run();
  } finally {
    checking.end();
  }
}

class Checking {
  private readonly group: FileGroup;
  private readonly recognized: Recognized;
  private readonly shapes: ShapeOptions;
  private readonly splits: readonly string[];
  private readonly pool: WorkerPool;
  private readonly progress: Progress;
  private readonly stop = newStopFlag();
  private readonly spooler: Spooler;

  constructor(group: FileGroup, { shapes, splits }: ReadingOptions, pool: WorkerPool, progress: Progress) {
    this.group = group;
    this.recognized = recognizeTogether(group.path, group.others, shapes);
    this.shapes = shapes;
    this.splits = splits;
    this.pool = pool;
    this.progress = progress;
    const { path, others } = group;
    const { size } = this.recognized.file;
    const onProgress = (share: number) => progress.show(share, size, 'convert');
    // A temporary spool has one process.
    const onWaiting = () => {};
    const work = { shapes, splits, indexDir: 'none', onProgress, onWaiting };
    this.spooler = new Spooler(path, others, work);
  }

  async run(): Promise<FileReport> {
    const { recognized } = this;
    if (recognized.kind !== 'list' || !recognized.isServedAsIs) return this.checkConverted(recognized);
    assertSplit(recognized.file.path, this.splits);
    const dataset = datasetOf(recognized);
    const counts = await this.count(dataset);
    const isMixed = withDataset(dataset, (fd) => hasConvertible(fd, dataset, counts.skippedAt, this.shapes));
    return isMixed ? this.checkConverted(recognized) : this.resultOf(dataset, counts, undefined);
  }

  end(): void {
    this.progress.end();
    stopAll(this.stop);
    this.spooler.close();
  }

  private async checkConverted(recognized: Recognized): Promise<FileReport> {
    const { dataset, report } = await this.spooler.make(recognized, this.pool);
    const spooled = { ...dataset, source: recognized.file };
    return this.resultOf(spooled, await this.count(spooled), report);
  }

  private async count(dataset: Dataset): Promise<Counts> {
    const plan = planShards(dataset, this.pool.workers, new Kernel(kernelModule(), SURVEY_BYTES_MIN));
    const census = new Census(plan, this.pool, this.stop);
    await census.take(false, () => this.progress.show(census.progress, dataset.body.end));
    return census.counts;
  }

  /** @param made how the dataset's spool was made, if it has one */
  private resultOf(dataset: Dataset, counts: Counts, made: ConversionReport | undefined): FileReport {
    const { file } = this.recognized;
    const { others } = this.group;
    // Nothing is converted if the file was only unpacked.
    const converted = made !== undefined && made.records > 0 ? made : undefined;
    return withDataset(dataset, (fd) => {
      const skippedTexts = new Set(recordsAt(fd, dataset, counts.skippedAt).map(({ text }) => text));
      const sample = sampleOf(fd, dataset).filter(({ text }) => !skippedTexts.has(text));
      const records = sample.map(({ value }) => value);
      const conversations = records.map(parseConversation).filter((each) => each !== undefined);
      const shapes = converted?.shapes ?? shapesOf(records, this.shapes);
      const skipped = converted ?? skippedIn(fd, dataset, counts);
      return {
        path: file.path,
        files: others.length === 0 ? undefined : [file.path, ...others],
        container: made?.container ?? containerOf(this.recognized),
        bytes: file.size,
        convertedBytes: made && dataset.file.size - textStart(dataset),
        conversations: counts.conversations,
        turns: counts.turns,
        replies: counts.replies,
        leftOut: converted?.leftOut ?? counts.leftOut,
        skipped: (converted?.skipped ?? 0) + counts.skipped,
        shapes,
        warnings: converted?.warnings ?? [unmappedText(this.shapes.map, shapes) ?? []].flat(),
        reasons: skipped.reasons,
        firstSkipped: skipped.firstSkipped && {
          path: nameOf(this.group),
          position: undefined,
          ...skipped.firstSkipped,
        },
        texts:
          converted === undefined
            ? textsOf(conversations)
            : { ...converted.texts, conversations: converted.conversations, turns: converted.turns },
        example: exampleIn(conversations),
      };
    });
  }
}

/** The first records of a dataset that the server skips. */
function skippedIn(
  fd: number,
  dataset: Dataset,
  { skippedAt }: Counts,
): Pick<Contents, 'reasons'> & { readonly firstSkipped: Omit<FirstSkipped, 'path'> | undefined } {
  const records = recordsAt(fd, dataset, skippedAt).map(describeSampled);
  const [first] = records;
  const [offset] = skippedAt;
  const firstSkipped =
    first && offset !== undefined
      ? { ...first, position: positionOf(fd, offset, textStart(dataset)) }
      : undefined;
  return { reasons: countsOf(records.map(({ reason }) => reason)), firstSkipped };
}

function shapesOf(records: readonly unknown[], shapes: ShapeOptions): Contents['shapes'] {
  const readings = records.filter(isRecord).map((record) => readRecord(record, shapes));
  return countsOf(readings.flatMap((reading) => reading?.shape.name ?? []));
}

function textsOf(conversations: readonly Conversation[]): Texts {
  const counter = new TextCounter();
  for (const { turns } of conversations) counter.add(turns);
  const turns = conversations.reduce((sum, each) => sum + each.turns.length, 0);
  return { ...counter.counts, conversations: conversations.length, turns };
}

function exampleIn(conversations: readonly Conversation[]): Contents['example'] {
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

import { type ByteRange, byteOffset } from '../core/bytes.js';
import { GROWTH_PARSED_BYTES } from '../core/limits.js';
import { type Dataset, withDataset } from '../dataset/dataset.js';
import { DatasetError } from '../dataset/dataset-error.js';
import { changed, type FileIdentity } from '../dataset/file.js';
import { endOfLines, isBetweenLines } from '../dataset/whole-lines.js';
import { processSeed } from '../workers/plan-shards.js';
import type { Build } from './build.js';
import { Census } from './census.js';
import { planOf, Segment, type SegmentWork, withWorkers } from './segment.js';

/** A state of a file that was appended to. */
export interface Grown {
  readonly dataset: Dataset;
  /** What was appended; undefined if that isn't a whole line yet. */
  readonly added: Segment | undefined;
}

/**
 * What a file has more than in an earlier state.
 *
 * @param build the earlier state, which has an index
 * @param now the later one
 * @returns undefined if the file has changed other than by growing
 * @throws DatasetError if what was appended isn't valid, or can't be read
 */
export async function growthOf(
  build: Build,
  now: FileIdentity,
  work: Pick<SegmentWork, 'pool' | 'kernel' | 'stop'>,
): Promise<Grown | undefined> {
  const { dataset: before, reader, hasSketches } = build.edition;
  const file: FileIdentity = { ...now, mayGrow: true };
  const { start, end: from } = before.body;
  const end = withDataset({ file }, (fd) => {
    if (!reader.hasOnlyGrown(now) || (from > start && !isBetweenLines(fd, from))) return undefined;
    // What follows the body in the earlier state is the beginning of a line.
    const searchedTo = before.file.size;
    return endOfLines(fd, { start: from, end: byteOffset(now.size) }, searchedTo, GROWTH_PARSED_BYTES);
  });
  if (end === undefined) return undefined;
  const dataset: Dataset = { ...before, file, source: file, body: { start, end } };
  if (end === from) return { dataset, added: undefined };
  const added = await indexOf({ ...work, dataset }, { start: from, end }, build.counts.records, build.seed);
  if (hasSketches) await added.sketch({ ...work, dataset }, 1);
  return { dataset, added };
}

/**
 * Walks a range of a dataset that follows its other segments, and makes an index of it.
 *
 * @param recordsBefore how many records of the file come before the range
 * @param seed the seed of the keys of the other segments
 * @throws DatasetError
 */
export function indexOf(
  { dataset, pool, kernel, stop }: SegmentWork,
  range: ByteRange,
  recordsBefore: number,
  seed = processSeed(),
): Promise<Segment> {
  return withWorkers(dataset, range, pool, async (workers) => {
    const plan = planOf({ ...dataset, body: range }, workers, kernel, seed);
    const census = new Census(plan, workers, stop, recordsBefore);
    const table = await census.take(true, () => {});
    if (table === undefined) throw new DatasetError(dataset.file.path, changed().message, undefined, true);
    const { marks, counts } = census;
    return new Segment(range, recordsBefore, { table, marks, counts });
  });
}

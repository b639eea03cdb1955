import { getRandomValues } from 'node:crypto';
import { readSync } from 'node:fs';
import { BYTE, type ByteOffset, byteOffset } from '../core/bytes.js';
import type { KeySeed } from '../core/keys.js';
import { SURVEY_BYTES_MAX, SURVEY_BYTES_MIN } from '../core/limits.js';
import { type Dataset, withDataset } from '../dataset/dataset.js';
import { readBlocks, readFully } from '../dataset/file.js';
import { edgesOf, rangeCount, shardsBetween } from '../dataset/shards.js';
import type { Kernel } from '../kernel/kernel.js';
import { ShardPlan } from './shard-run.js';

/** The distance of reads that look at single bytes, in bytes. */
const WINDOW_BYTES = 1 << 12;

/** All of a dataset, or of a range of it, as one shard. @param seed the seed of the keys of all texts */
export function oneShard(dataset: Dataset, seed: KeySeed): ShardPlan {
  return new ShardPlan(dataset, shardsBetween(dataset.body, []), seed);
}

/**
 * Cuts a dataset into shards: at the edges of equal ranges, moved right to where a record seems to begin. The cuts needn't be right (see
 * `ShardPlan`), but few are wrong.
 *
 * @param keySeed the seed of the keys of all texts
 * @throws DatasetError when the file can't be read
 */
export function planShards(
  dataset: Dataset,
  workers: number,
  kernel: Kernel,
  keySeed: KeySeed = processSeed(),
): ShardPlan {
  const { format, body } = dataset;
  return withDataset(dataset, (fd) => {
    const edges = edgesOf(body, rangeCount(body, workers), byteReader(fd));
    const cuts: ByteOffset[] = [];
    for (const [i, edge] of edges.entries()) {
      const end = edges[i + 1] ?? body.end;
      const cut = format === 'lines' ? lineStart(fd, edge, end) : surveyedStart(fd, edge, end, kernel);
      if (cut !== undefined) cuts.push(cut);
    }
    return new ShardPlan(dataset, shardsBetween(body, cuts), keySeed);
  });
}

let seed: KeySeed | undefined;

/** The seed of this process. The parts of a dataset have the same, so that a lookup computes its keys once for all of them. */
export function processSeed(): KeySeed {
  if (seed !== undefined) return seed;
  const [low = 0, high = 0] = getRandomValues(new Uint32Array(2));
  seed = { low, high };
  return seed;
}

/** Where the first line after an edge begins. */
function lineStart(fd: number, edge: ByteOffset, end: ByteOffset): ByteOffset | undefined {
  for (const { bytes, offset } of readBlocks(fd, { start: edge, end }, SURVEY_BYTES_MIN)) {
    const lineEnd = bytes.indexOf(BYTE.lineFeed);
    if (lineEnd >= 0) return offset + lineEnd + 1 < end ? byteOffset(offset + lineEnd + 1) : undefined;
  }
  return undefined;
}

/** Where the first record of an array after an edge seems to begin. Reads more if the first bytes don't decide it. */
function surveyedStart(
  fd: number,
  edge: ByteOffset,
  end: ByteOffset,
  kernel: Kernel,
): ByteOffset | undefined {
  const longest = Math.min(SURVEY_BYTES_MAX, end - edge);
  for (let length: number = SURVEY_BYTES_MIN; ; length *= 4) {
    const looked = Math.min(length, longest);
    kernel.reserve(looked);
    readFully(fd, kernel.input.subarray(0, looked), edge);
    const start = kernel.surveyStart(looked);
    if (start !== undefined) return byteOffset(edge + start);
    if (looked === longest) return undefined;
  }
}

/** Reads single bytes, mostly from a window that has already been read. */
function byteReader(fd: number): (offset: ByteOffset) => number {
  const window = Buffer.alloc(WINDOW_BYTES);
  let start = 0;
  let length = 0;
  return (offset) => {
    if (offset < start || offset >= start + length) {
      start = offset;
      length = readSync(fd, window, 0, WINDOW_BYTES, offset);
    }
    return window[offset - start] ?? 0;
  };
}

/** A dataset in memory, read through the same steps as a file: head, ranges, surveys, shards, records. */

import { type Block, type ByteRange, byteOffset } from '#dist/core/bytes.js';
import { type DatasetHead, readHead } from '#dist/core/format.js';
import { cutRanges, planArrayShards, planLineShards, type ShardPlan } from '#dist/core/shards.js';
import { Survey } from '#dist/core/survey.js';
import { type DatasetRecord, readRecords } from '#dist/workers/records.js';

const LINE_FEED = 10;

/** The bytes of a range, in blocks of a length. */
export function* blocksOf(file: Uint8Array, range: ByteRange, blockBytes: number): Generator<Block> {
  for (let start: number = range.start; start < range.end; start += blockBytes) {
    const bytes = file.subarray(start, Math.min(start + blockBytes, range.end));
    yield { bytes, offset: byteOffset(start) };
  }
}

/** Reads the head, and cuts the rest into shards by about `count` ranges. */
export function planOf(
  file: Uint8Array,
  count: number,
  blockBytes: number,
): { head: DatasetHead; ranges: ByteRange[]; plan: ShardPlan } {
  const end = byteOffset(file.length);
  const head = readHead(blocksOf(file, { start: byteOffset(0), end }, blockBytes));
  const body = { start: head.bodyStart, end };
  const ranges = cutRanges(body, count, (offset) => file[offset] ?? 0);
  if (head.format === 'lines') {
    const starts = ranges.map((range) => {
      const lineFeed = file.subarray(range.start, range.end).indexOf(LINE_FEED);
      return lineFeed < 0 ? undefined : range.start + lineFeed + 1;
    });
    return { head, ranges, plan: planLineShards(body, starts) };
  }
  const surveys = ranges.map((range) => {
    const survey = new Survey();
    for (const { bytes, offset } of blocksOf(file, range, blockBytes)) survey.push(bytes, offset);
    return survey.result();
  });
  return { head, ranges, plan: planArrayShards(body, surveys) };
}

/** All records of a dataset, shard after shard. */
export function recordsOf(
  file: Uint8Array,
  count: number,
  blockBytes: number,
  recordBytesMax?: number,
): DatasetRecord[] {
  const { head, plan } = planOf(file, count, blockBytes);
  return plan.shards.flatMap((shard) => {
    const readFrom = (start: number) =>
      blocksOf(file, { start: byteOffset(start), end: shard.range.end }, blockBytes);
    return [...readRecords(readFrom, shard, head.format, recordBytesMax)];
  });
}

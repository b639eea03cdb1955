import { describe, expect, it } from 'vitest';
import { type ByteRange, byteOffset } from '#dist/core/bytes.js';
import { INDEX_SEGMENTS_MAX, INDEXED_HERE_TURNS_MAX } from '#dist/core/limits.js';
import type { Dataset } from '#dist/dataset/dataset.js';
import { indexOf } from '#dist/models/growth.js';
import { Merger } from '#dist/models/merger.js';
import { mergeSegments } from '#dist/models/merging.js';
import type { Segment } from '#dist/models/segment.js';
import { ownThread } from '#dist/workers/own-thread.js';
import { newStopFlag } from '#dist/workers/stop-flag.js';
import { chance } from '../support/chance.js';
import { datasetWriter, newKernel, poolOf } from '../support/dataset.js';
import { openPool } from '../support/shared-threads.js';

const write = datasetWriter();
const SEED = { low: 12, high: 34 };

/** Lines of conversations with few different texts, so that many turns have the same ones before them; some aren't conversations. */
function linesOf(count: number, turnsMax: number, random = chance(count)): string[] {
  return Array.from({ length: count }, (_, i) => {
    const turns = Array.from({ length: random(turnsMax) }, (_, turn) => ({
      from: turn % 2 === random(2) ? 'human' : 'gpt',
      value: ['', 'hi', 'a b', 'a  b', `${i}`][random(5)],
    }));
    return `${JSON.stringify(random(9) === 0 ? { none: i } : { ...(i % 2 && { id: i }), conversations: turns })}\n`;
  });
}

/** Segments of a dataset that end after some of its lines. */
async function segmentsOf(dataset: Dataset, lines: readonly string[], ends: readonly number[]) {
  const work = { dataset, pool: openPool(1), kernel: newKernel(), stop: newStopFlag() };
  const segments: Segment[] = [];
  let from = 0;
  let start = dataset.body.start;
  for (const to of ends) {
    const length = Buffer.byteLength(lines.slice(from, to).join(''));
    const range: ByteRange = { start, end: byteOffset(start + length) };
    segments.push(await indexOf(work, range, from, SEED));
    start = range.end;
    from = to;
  }
  return segments as [Segment, ...Segment[]];
}

describe('merged segments', () => {
  it.each([1, 2, 5, 8])('are the segment that one walk over all of them makes: %i of them', async (count) => {
    const random = chance(count);
    for (const [records, turnsMax] of [
      [60, 3],
      [400, 9],
    ] as const) {
      const lines = linesOf(records, turnsMax);
      const dataset = write(lines.join(''));
      const ends = Array.from({ length: count - 1 }, () => random(records)).sort((a, b) => a - b);
      const segments = await segmentsOf(dataset, lines, [...ends, records]);
      const [whole] = await segmentsOf(dataset, lines, [records]);
      for (const { table } of segments)
        for (let row = 0; row < table.size.turns; row++) table.setTokens(row, 1 + random(100));
      const tokens = segments.flatMap(({ table }) => [...table.rows].filter((_, i) => i % 5 === 4));
      const merged = await mergeSegments(dataset, segments, count % 2 === 0 ? ownThread() : poolOf(1));
      expect([...merged.table.rows].filter((_, i) => i % 5 === 4)).toEqual(tokens);
      merged.table.forgetTokens();
      expect(Buffer.from(merged.table.buffer).equals(Buffer.from(whole.table.buffer))).toBe(true);
      expect({ ...merged.counts, example: '' }).toEqual({ ...whole.counts, example: '' });
      expect(merged.range).toEqual(whole.range);
    }
  });

  it('are made in the background if they are long, while others are added', async () => {
    const count = Math.ceil(INDEXED_HERE_TURNS_MAX / 2);
    const line = (i: number) =>
      `${JSON.stringify({ conversations: [1, 2, 3].map((turn) => ({ from: 'gpt', value: `${i} ${turn}` })) })}\n`;
    const lines = Array.from({ length: count + 40 }, (_, i) => line(i));
    const dataset = write(lines.join(''));
    const half = count / 2;
    const ends = [half, count, ...Array.from({ length: 40 }, (_, i) => count + i + 1)];
    const all = await segmentsOf(dataset, lines, ends);
    let segments: readonly Segment[] = [];
    const replaced: number[] = [];
    const merger = new Merger(openPool(1), (merging, merged) => {
      replaced.push(merging.length);
      const at = segments.indexOf(merging[0] as Segment);
      segments = [...segments.slice(0, at), merged, ...segments.slice(at + merging.length)];
    });
    for (const segment of all) {
      segments = await merger.arranged(dataset, [...segments, segment]);
      expect(segments.length).toBeLessThanOrEqual(INDEX_SEGMENTS_MAX);
    }
    await merger.ended;
    expect(replaced).toContain(2);
    expect(segments.reduce((sum, { turns }) => sum + turns, 0)).toBe(3 * lines.length);
    expect(segments.map(({ range }) => range.start).slice(1)).toEqual(
      segments.map(({ range }) => range.end).slice(0, -1),
    );
  });
});

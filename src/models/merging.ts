import type { ByteRange } from '../core/bytes.js';
import { INDEXED_HERE_TURNS_MAX } from '../core/limits.js';
import { inSteps } from '../core/steps.js';
import { addCounts, NOTHING_COUNTED } from '../dataset/counts.js';
import { type Dataset, datasetErrorOf } from '../dataset/dataset.js';
import { MarkList } from '../index/marks.js';
import { IndexTable } from '../index/table.js';
import { kernelModule } from '../kernel/kernel.js';
import { Sketches } from '../kernel/sketches.js';
import { RuleKeys } from '../lookup/ruled.js';
import type { Workers } from '../workers/own-thread.js';
import { Segment } from './segment.js';

/** Token counts that are copied in one step. */
const COPIED_TOGETHER = 1 << 14;

/**
 * Merges consecutive segments of a file into one, without reading the file. Their turns keep the tokens that are counted,
 * and the sketches and the keys of rules that all of them have; keys only if there are few, since joining many takes long.
 *
 * @throws DatasetError if the workers fail
 */
export async function mergeSegments(
  dataset: Dataset,
  segments: readonly [Segment, ...Segment[]],
  workers: Workers,
): Promise<Segment> {
  const [{ range, recordsBefore, table: first }] = segments;
  const tables = segments.map(({ table }) => table);
  const size = {
    turns: tables.reduce((sum, { size }) => sum + size.turns, 0),
    conversations: tables.reduce((sum, { size }) => sum + size.conversations, 0),
  };
  const table = IndexTable.allocate(size, first.seed);
  const rows = tables.map(({ size, buffer }) => ({ size, buffer }));
  const halves = (['turns', 'normalized'] as const).map((half) =>
    workers.makeIndex({ table: { size, buffer: table.buffer }, tables: rows, parts: [], half }),
  );
  for (const result of await Promise.all(halves)) {
    if (result.kind === 'failed') throw datasetErrorOf(dataset, result);
  }
  await inSteps(copyTokens(tables, table));
  const end = (segments.at(-1) as Segment).range.end;
  const merged: ByteRange = { start: range.start, end };
  const marked = new MarkList();
  let counts = NOTHING_COUNTED;
  for (const segment of segments) {
    marked.extend(segment.marks, counts.records);
    counts = addCounts(counts, segment.counts);
  }
  const marks = marked.marks(counts.records, end);
  const segment = new Segment(merged, recordsBefore, { table, marks, counts });
  const sketches = segments.flatMap(({ sketches }) => sketches ?? []);
  if (sketches.length === segments.length) segment.sketches = Sketches.joined(kernelModule(), sketches);
  const ruled = segments.flatMap(({ ruled }) => ruled ?? []);
  if (ruled.length === segments.length && size.turns <= INDEXED_HERE_TURNS_MAX) {
    const keys = RuleKeys.joined(ruled.map(({ keys }) => keys));
    segment.ruled = { keys, leftOut: ruled.reduce((sum, { leftOut }) => sum + leftOut, 0) };
  }
  return segment;
}

function* copyTokens(from: readonly IndexTable[], to: IndexTable): Generator<void, void> {
  let before = 0;
  for (const table of from) {
    for (let row = 0; row < table.size.turns; row++) {
      to.setTokens(before + row, table.tokensOf(row));
      if (row % COPIED_TOGETHER === COPIED_TOGETHER - 1) yield;
    }
    before += table.size.turns;
  }
}

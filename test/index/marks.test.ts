import { describe, expect, it } from 'vitest';
import { MARK_BYTES, MARK_RECORDS } from '#dist/core/limits.js';
import { MarkList } from '#dist/index/marks.js';
import { datasetWriter, poolOf, sweepOf } from '../support/dataset.js';

const write = datasetWriter();
const pool = poolOf(3);

const turn = (content: unknown) => ({ role: 'user', content });
const talk = (content: unknown) => JSON.stringify({ messages: [turn(content), turn('x')] });

async function marksOf(content: string) {
  const { census } = sweepOf(write(content), pool);
  await census.take(false, () => undefined);
  return census.marks;
}

/** The offsets of all lines. */
function linesOf(content: string): number[] {
  const starts: number[] = [];
  for (let at = 0; at < content.length; at = content.indexOf('\n', at) + 1) starts.push(at);
  return starts;
}

describe('marks', () => {
  it('have the number and the offset of records, at most sixteen records apart, over all shards', async () => {
    const content = `${Array.from({ length: 100_000 }, (_, i) => talk(`${i}`.repeat(1 + (i % 30)))).join('\n')}\n`;
    const starts = linesOf(content);
    const marks = await marksOf(content);
    expect(marks.records).toBe(100_000);
    expect(marks.recordAt(0)).toBe(0);
    for (let i = 0; i < marks.count; i++) {
      const record = marks.recordAt(i);
      expect(marks.offsetAt(i)).toBe(starts[record]);
      expect(marks.recordAt(i + 1) - record).toBeLessThanOrEqual(MARK_RECORDS);
      expect(marks.isPlain(i)).toBe(true);
    }
    expect(marks.offsetAt(marks.count)).toBe(content.length);
    expect(marks.count).toBeLessThan(100_000 / MARK_RECORDS + 20);
  });

  it('find the block of every record', async () => {
    const marks = await marksOf(
      `${Array.from({ length: 1000 }, (_, i) => talk('a'.repeat((i * i) % 5000))).join('\n')}\n`,
    );
    for (let record = 0; record < marks.records; record++) {
      const block = marks.find(record);
      expect(marks.recordAt(block)).toBeLessThanOrEqual(record);
      expect(marks.recordAt(block + 1)).toBeGreaterThan(record);
    }
  });

  it('come sooner after long records', async () => {
    const long = 'y'.repeat(MARK_BYTES);
    const lines = ['a', long, 'b', 'c', long, long, 'd'].map(talk);
    const marks = await marksOf(`${lines.join('\n')}\n`);
    // Cuts between shards are marks, too.
    const marked = Array.from({ length: marks.count }, (_, i) => marks.recordAt(i));
    expect(marked).toEqual(expect.arrayContaining([0, 2, 5, 6]));
  });

  it.each([
    ['parts', [{ text: 'one' }, { text: 'two' }], false],
    ['strings as parts', ['one', 'two'], false],
    ['the parts of a result', [{ type: 'tool_result', content: [{ text: 'a' }, { text: 'b' }] }], false],
    ['one part', [{ type: 'text', text: 'one' }], true],
    ['a part and empty ones', [{ text: '' }, { text: 'one' }, { text: '' }, { type: 'image' }], true],
    ['no parts', [], true],
    ['a string', 'one \u{1f600} \\ "', true],
  ])('tell whether a text is put together: %s', async (_, content, isPlain) => {
    const marks = await marksOf(`${talk('x')}\n${talk(content)}\n${talk('x')}\n`);
    const blocks = Array.from({ length: marks.count }, (_, i) => marks.isPlain(i));
    expect(blocks.every(Boolean)).toBe(isPlain);
  });

  it('count records that are too long to be read', async () => {
    const long = talk('y'.repeat(1 << 24));
    const marks = await marksOf(`${talk('x')}\n${long}\n${talk('x')}\n`);
    expect(marks.records).toBe(3);
    expect(marks.offsetAt(marks.find(2))).toBe(talk('x').length + long.length + 2);
  });

  it('of a list stay as they are when it grows, and are the same without spare room', () => {
    const list = new MarkList(1);
    list.add(0, 5, false);
    const before = list.marks(16, 100);
    for (let i = 1; i < 1000; i++) list.add(16 * i, 5 + 100 * i, true);
    const after = list.marks(16_000, 100_005);
    expect([before.count, before.offsetAt(0), before.isPlain(0), before.recordAt(1)]).toEqual([
      1,
      5,
      false,
      16,
    ]);
    const { data, ...rest } = { data: after.trimmed().data, count: after.count };
    expect(data.buffer.byteLength).toBe(13 * rest.count);
    for (const marks of [after, after.trimmed()]) {
      expect([marks.recordAt(999), marks.offsetAt(999), marks.isPlain(999)]).toEqual([15_984, 99_905, true]);
      expect(marks.isPlain(0)).toBe(false);
    }
  });

  it('of many short pieces are no more than half of those of the whole need be', () => {
    for (const records of [1, 3, 15, 16, 20]) {
      const list = new MarkList();
      for (let piece = 0; piece < 100; piece++) {
        const before = piece * records;
        const own = new MarkList();
        for (let i = 0; i < records; i++) own.add(i, 100 * (before + i), i !== 7);
        list.extend(own.marks(records, 100 * (before + records)), before);
      }
      const marks = list.marks(100 * records, 100 * 100 * records);
      expect(marks.count).toBeLessThanOrEqual(Math.ceil((100 * records) / 8));
      for (let i = 0; i < marks.count; i++) {
        expect(marks.recordAt(i + 1) - marks.recordAt(i)).toBeLessThanOrEqual(16);
        expect(marks.offsetAt(i)).toBe(100 * marks.recordAt(i));
        const numbers = Array.from(
          { length: marks.recordAt(i + 1) - marks.recordAt(i) },
          (_, j) => marks.recordAt(i) + j,
        );
        if (numbers.some((number) => number % records === 7)) expect(marks.isPlain(i)).toBe(false);
      }
    }
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { laterPieces, recordedPieces } from '#dist/core/recorded-pieces.js';
import { runs } from '../support/factor.js';

const TIMINGS = [
  [10, 3],
  [20, 0],
  [30, 4],
  [45, 2],
] as const;

function endsOf(...ends: number[]): Uint32Array {
  return Uint32Array.from(ends);
}

describe('recorded pieces', () => {
  it('end where the chunks ended, and have the tokens that are whole by then', () => {
    expect(recordedPieces(TIMINGS, 0, 'Some text', endsOf(2, 3, 5, 8, 9))).toEqual({
      ends: endsOf(3, 7, 9),
      tokens: endsOf(2, 3, 5),
      atMs: [10, 30, 45],
    });
  });

  it('are those of a part of the reply: a chunk over its border has a piece in both parts', () => {
    expect(recordedPieces(TIMINGS, 0, 'Some ', endsOf(5))).toMatchObject({
      ends: endsOf(3, 5),
      atMs: [10, 30],
    });
    expect(recordedPieces(TIMINGS, 5, 'text', endsOf(4))).toMatchObject({
      ends: endsOf(2, 4),
      atMs: [30, 45],
    });
  });

  it('end between characters: what is incomplete belongs to the next piece', () => {
    const timings = [
      [10, 2],
      [20, 1],
      [30, 2],
      [40, 1],
    ] as const;
    expect(recordedPieces(timings, 0, 'a🦀🐙!', endsOf(1, 3, 6))).toEqual({
      ends: endsOf(1, 3, 5, 6),
      tokens: endsOf(1, 2, 2, 3),
      atMs: [10, 20, 30, 40],
    });
    expect(
      recordedPieces(
        [
          [10, 1],
          [20, 1],
        ],
        0,
        '🦀',
        endsOf(2),
      ),
    ).toMatchObject({ ends: endsOf(2), atMs: [20] });
  });

  it('are later if their reply is', () => {
    const pieces = recordedPieces(TIMINGS, 0, 'Some text', endsOf());
    expect(laterPieces(pieces, 45)).toEqual({ ...pieces, atMs: [55, 75, 90] });
    expect(laterPieces(pieces, 0)).toBe(pieces);
    expect(laterPieces(undefined, 45)).toBeUndefined();
  });

  it('join to the text, however it is cut', () => {
    const timings = fc.array(fc.tuple(fc.nat(1000), fc.nat(9)), { maxLength: 30 });
    fc.assert(
      fc.property(timings, fc.nat(), fc.nat(), (timings, a, b) => {
        const total = timings.reduce((sum, [, length]) => sum + length, 0);
        const from = a % (total + 1);
        const length = b % (total - from + 1);
        const { ends = endsOf(), atMs } = recordedPieces(timings, from, 'x'.repeat(length), endsOf());
        expect(ends.at(-1) ?? 0).toBe(length);
        expect(atMs).toHaveLength(ends.length);
        expect([...ends].every((end, i) => end > (ends[i - 1] ?? 0))).toBe(true);
      }),
      runs(100),
    );
  });
});

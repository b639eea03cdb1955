import type { Pieces } from './event-stream.js';
import type { Timing } from './timings.js';

/**
 * The pieces of a text, as its stream was recorded.
 *
 * @param timings of the whole recorded reply
 * @param from where the text begins in it, in UTF-16 units
 * @param length of the text, in UTF-16 units: it may be cut
 * @param tokenEnds where its tokens end; empty if they don't matter
 */
export function recordedPieces(
  timings: readonly Timing[],
  from: number,
  length: number,
  tokenEnds: Uint32Array,
): Pieces {
  const ends: number[] = [];
  const atMs: number[] = [];
  const tokens: number[] = [];
  let at = -from;
  let counted = 0;
  for (const [ms, chunk] of timings) {
    at += chunk;
    const before = ends.at(-1) ?? 0;
    const end = Math.min(at, length);
    if (end <= before) continue;
    while (counted < tokenEnds.length && (tokenEnds[counted] as number) <= end) counted++;
    ends.push(end);
    atMs.push(ms);
    tokens.push(counted);
  }
  return { ends: Uint32Array.from(ends), tokens: Uint32Array.from(tokens), atMs };
}

import type { Pieces } from './event-stream.js';
import type { Timing } from './timings.js';

/**
 * The pieces of a text, as its stream was recorded. None ends within a character: what is incomplete belongs to the next piece.
 *
 * @param timings of the whole recorded reply
 * @param from where the text begins in it, in UTF-16 units
 * @param text it may be cut
 * @param tokenEnds where its tokens end; empty if they don't matter
 */
export function recordedPieces(
  timings: readonly Timing[],
  from: number,
  text: string,
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
    const end = borderAt(text, Math.min(at, text.length));
    if (end <= before) continue;
    while (counted < tokenEnds.length && (tokenEnds[counted] as number) <= end) counted++;
    ends.push(end);
    atMs.push(ms);
    tokens.push(counted);
  }
  return { ends: Uint32Array.from(ends), tokens: Uint32Array.from(tokens), atMs };
}

/** The last border of code points up to there. */
function borderAt(text: string, at: number): number {
  return at > 0 && (text.codePointAt(at - 1) ?? 0) > 0xffff ? at - 1 : at;
}

/** The same pieces of a reply that begins some ms later. */
export function laterPieces(pieces: Pieces | undefined, ms: number): Pieces | undefined {
  if (pieces?.atMs === undefined || ms === 0) return pieces;
  return { ...pieces, atMs: pieces.atMs.map((each) => each + ms) };
}

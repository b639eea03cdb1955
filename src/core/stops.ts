import { STOPS_SEARCH_LENGTH } from './limits.js';

/** Stop sequences: a reply ends before the first of them. */
export interface Stops {
  readonly texts: readonly string[];
  /** True if the reply includes the stop sequence that ended it. */
  readonly areKept: boolean;
}

/**
 * Searches a text for stop sequences, step by step. Yields after each step.
 *
 * @returns the text up to the first stop sequence; empty ones are ignored
 */
export function* cutAtStop(text: string, { texts, areKept }: Stops): Generator<void, string> {
  const stops = texts.filter((stop) => stop !== '');
  const longest = Math.max(0, ...stops.map((stop) => stop.length));
  for (let at = 0; at < text.length && longest > 0; at += STOPS_SEARCH_LENGTH) {
    const first = firstOf(stops, text.slice(at, at + STOPS_SEARCH_LENGTH + longest - 1));
    if (first !== undefined) return text.slice(0, at + (areKept ? first.end : first.start));
    yield;
  }
  return text;
}

/** The first stop sequence in a text; of those that begin at the same position, the shortest. */
function firstOf(stops: readonly string[], text: string): { start: number; end: number } | undefined {
  let first: { start: number; end: number } | undefined;
  for (const stop of stops) {
    const start = text.indexOf(stop);
    const end = start + stop.length;
    if (
      start < 0 ||
      (first !== undefined && (start > first.start || (start === first.start && end > first.end)))
    )
      continue;
    first = { start, end };
  }
  return first;
}

import { STOPS_SEARCH_LENGTH } from '../core/limits.js';

/** Texts before which a reply ends. */
export interface Stops {
  readonly texts: readonly string[];
  /** True if the one that ended it is kept. */
  readonly areKept: boolean;
}

/**
 * Searches a text for stops, step by step. Yields after each.
 *
 * @returns the text up to the first place where one of the stops stands; an empty one stops nothing
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

/** Where the first of the stops stands in a text, the shortest of those that begin there. */
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

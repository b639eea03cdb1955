import { STOPS_SEARCH_LENGTH } from './limits.js';

/** Stop sequences: a reply ends before the first of them. */
export interface Stops {
  readonly texts: readonly string[];
  /** True if the reply includes the stop sequence that ended it. */
  readonly areKept: boolean;
}

/** The beginning of a text. */
export interface CutText {
  readonly text: string;
  /** The stop sequence after it; undefined if it is the whole text. */
  readonly stop?: string;
}

/**
 * Searches a text for stop sequences, step by step. Yields after each step.
 *
 * @returns the text up to the first stop sequence, and that one; empty ones are ignored
 */
export function* cutAtStop(text: string, { texts, areKept }: Stops): Generator<void, CutText> {
  const stops = texts.filter((stop) => stop !== '');
  const longest = Math.max(0, ...stops.map((stop) => stop.length));
  for (let at = 0; at < text.length && longest > 0; at += STOPS_SEARCH_LENGTH) {
    const first = firstOf(stops, text.slice(at, at + STOPS_SEARCH_LENGTH + longest - 1));
    if (first !== undefined) {
      const { stop, start } = first;
      return { text: text.slice(0, at + start + (areKept ? stop.length : 0)), stop };
    }
    yield;
  }
  return { text };
}

/** The first stop sequence in a text; of those that begin at the same position, the shortest. */
function firstOf(stops: readonly string[], text: string): { stop: string; start: number } | undefined {
  let first: { stop: string; start: number } | undefined;
  for (const stop of stops) {
    const start = text.indexOf(stop);
    if (start < 0) continue;
    const isFirst =
      first === undefined ||
      start < first.start ||
      (start === first.start && stop.length < first.stop.length);
    if (isFirst) first = { stop, start };
  }
  return first;
}

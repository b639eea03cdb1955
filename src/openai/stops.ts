import { STOPS_MAX } from '../core/limits.js';
import { asArray, asFlag, asString, wrongType } from './fields.js';

/** Texts before which a reply ends. */
export interface Stops {
  readonly texts: readonly string[];
  /** True if the one that ended it is kept. */
  readonly areKept: boolean;
}

/**
 * Reads the fields `stop`, a text or a list of them, and `include_stop_str_in_output`, which is vLLM's. The list may be empty:
 * clients send that.
 *
 * @throws AppError
 */
export function parseStop(stop: unknown, areKept: unknown): Stops {
  return { texts: stopTexts(stop), areKept: asFlag(areKept, 'include_stop_str_in_output') };
}

function stopTexts(stop: unknown): readonly string[] {
  if (stop === undefined || stop === null) return [];
  if (typeof stop === 'string') return [stop];
  if (!Array.isArray(stop)) throw wrongType(stop, 'stop', 'one of a string or an array of strings');
  return asArray(stop, 'stop', STOPS_MAX, 0).map((text, i) => asString(text, `stop[${i}]`));
}

/** The text up to the first place where one of the stops stands; an empty one stops nothing. */
export function cutAtStop(text: string, { texts, areKept }: Stops): string {
  let end = text.length;
  let from = text.length;
  for (const stop of texts) {
    const at = stop === '' ? -1 : text.indexOf(stop);
    if (at < 0 || at > from || (at === from && at + stop.length > end)) continue;
    from = at;
    end = at + stop.length;
  }
  return text.slice(0, areKept ? end : from);
}

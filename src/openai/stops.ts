/** Texts before which a reply ends. */
export interface Stops {
  readonly texts: readonly string[];
  /** True if the one that ended it is kept. */
  readonly areKept: boolean;
}

/** The text up to the first place where one of the stops stands; an empty one stops nothing. */
export function cutAtStop(text: string, { texts, areKept }: Stops): string {
  let end = text.length;
  let from = text.length;
  for (const stop of texts) {
    // Only where one would count: before the first that was found, or at its place.
    const range = from < text.length ? text.slice(0, from + stop.length) : text;
    const at = stop === '' ? -1 : range.indexOf(stop);
    if (at < 0 || (at === from && at + stop.length > end)) continue;
    from = at;
    end = at + stop.length;
  }
  return text.slice(0, areKept ? end : from);
}

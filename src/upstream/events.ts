/** Server-sent events, as the HTML standard parses them: https://html.spec.whatwg.org/multipage/server-sent-events.html */

/** One event of a stream. */
export interface ServerSentEvent {
  /** Its field `event`; empty if it has none. */
  readonly type: string;
  readonly data: string;
  /** When the chunk came that completed it, in ms since the request. */
  readonly atMs: number;
}

/** A line without its end: LF, CR, or both. A line without an end is incomplete. */
const LINE = /([^\r\n]*)(?:\r\n|\n|\r)/gy;

/**
 * The events of a stream. An event that isn't complete is left out.
 *
 * @param chunks the bytes, cut anywhere
 * @param atMs when each chunk came
 */
export function* eventsOf(chunks: readonly Buffer[], atMs: readonly number[]): Generator<ServerSentEvent> {
  const decoded = decodedOf(chunks);
  const text = decoded.join('');
  let type = '';
  let data: string[] = [];
  // The chunk that a line ends in, and where that chunk ends.
  let chunk = 0;
  let chunkEnd = decoded[0]?.length ?? 0;
  for (const { index, 1: line = '' } of text.matchAll(LINE)) {
    if (line === '') {
      const end = index + line.length;
      while (chunkEnd <= end && chunk < chunks.length - 1) chunkEnd += (decoded[++chunk] as string).length;
      if (data.length > 0) yield { type, data: data.join('\n'), atMs: atMs[chunk] ?? 0 };
      type = '';
      data = [];
      continue;
    }
    const { name, value } = fieldOf(line);
    if (name === 'data') data.push(value);
    else if (name === 'event') type = value;
  }
}

/** The text that each chunk completes, without a byte order mark at its beginning. The last one may be incomplete. */
function decodedOf(chunks: readonly Buffer[]): readonly string[] {
  const decoder = new TextDecoder();
  return chunks.map((chunk) => decoder.decode(chunk, { stream: true }));
}

/** A comment has an empty name. One space before a value belongs to the colon. */
function fieldOf(line: string): { readonly name: string; readonly value: string } {
  const colon = line.indexOf(':');
  if (colon < 0) return { name: line, value: '' };
  return { name: line.slice(0, colon), value: line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1) };
}

/** Server-sent events, as the HTML standard parses them: https://html.spec.whatwg.org/multipage/server-sent-events.html */

/** One event of a stream. */
export interface ServerSentEvent {
  /** Its field `event`; empty if it has none. */
  readonly type: string;
  readonly data: string;
  /** When the chunk came that completed it, in ms since the request. */
  readonly atMs: number;
  /** False for the last one, if the stream has no blank line after it: the standard drops it, but it may be complete. */
  readonly isEnded: boolean;
}

/** The end of a line. */
const LINE_END = /\r\n|\n|\r/;

/**
 * The events of a stream, as they are needed: no more than a chunk is read at once.
 *
 * @param chunks the bytes, cut anywhere
 * @param atMs when each chunk came
 */
export function* eventsOf(
  chunks: readonly Buffer[],
  atMs: readonly number[],
): Generator<ServerSentEvent, void> {
  const event = new EventDraft();
  for (const [lines, i] of linesOf(chunks)) {
    for (const line of lines) {
      if (line !== '') event.add(line);
      else {
        if (event.data.length > 0) yield event.whole(atMs[i] ?? 0, true);
        event.clear();
      }
    }
  }
  if (event.data.length > 0) yield event.whole(atMs.at(-1) ?? 0, false);
}

/** The lines that each chunk completes, and the index of the chunk. The last line may have no end. */
function* linesOf(
  chunks: readonly Buffer[],
): Generator<readonly [lines: readonly string[], chunk: number], void> {
  const decoder = new TextDecoder();
  let begun: string[] = [];
  let isAfterReturn = false;
  for (const [i, chunk] of chunks.entries()) {
    const decoded = decoder.decode(chunk, { stream: true });
    if (decoded === '') continue;
    // A line that a carriage return has ended doesn't wait for the line feed.
    const text: string = isAfterReturn && decoded.startsWith('\n') ? decoded.slice(1) : decoded;
    isAfterReturn = text.endsWith('\r');
    const lines = text.split(LINE_END);
    begun.push(lines.pop() as string);
    if (lines.length === 0) continue;
    const rest = begun.pop() as string;
    lines[0] = begun.join('') + lines[0];
    begun = [rest];
    yield [lines, i];
  }
  const last = begun.join('');
  if (last !== '') yield [[last], chunks.length - 1];
}

/** An event whose lines are being read. */
class EventDraft {
  type = '';
  data: string[] = [];

  add(line: string): void {
    const { name, value } = fieldOf(line);
    if (name === 'data') this.data.push(value);
    else if (name === 'event') this.type = value;
  }

  whole(atMs: number, isEnded: boolean): ServerSentEvent {
    return { type: this.type, data: this.data.join('\n'), atMs, isEnded };
  }

  clear(): void {
    this.type = '';
    this.data = [];
  }
}

/** A comment has an empty name. One space before a value belongs to the colon. */
function fieldOf(line: string): { readonly name: string; readonly value: string } {
  const colon = line.indexOf(':');
  if (colon < 0) return { name: line, value: '' };
  return { name: line.slice(0, colon), value: line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1) };
}

/** Answers that aren't as they should be, on purpose. */

import type { Head, StreamPart } from '../core/event-stream.js';
import type { Answered } from './endpoint.js';

/** An answer whose stream lacks the event that ends it. */
export function withoutEnd(answered: Answered): Answered {
  const { content } = answered;
  if (content.kind !== 'events') return answered;
  const { stream } = content;
  // Where nothing follows the last event, that event ends the stream.
  const parts = stream.end === '' ? stream.parts.slice(0, -1) : stream.parts;
  return { ...answered, content: { kind: 'events', stream: { ...stream, parts, end: '' } } };
}

/** The beginning of an answer's usage, in JSON. It is the last of its fields; a quote within a text is escaped, so that only names match. */
const USAGE = '"usage":{"';
/** The counts in it. */
const COUNTS = /"(completion|output|total)_tokens":(\d+)/g;

/** An answer whose usage counts one token more than it has. */
export function withWrongUsage(answered: Answered): Answered {
  const { content } = answered;
  switch (content.kind) {
    case 'json':
      return { ...answered, content: { ...content, spelled: oneMore(content.spelled) } };
    case 'named': {
      const [beforeId, beforeDate, ...rest] = content.head;
      const last = rest.pop() ?? '';
      const head: Head = [beforeId, beforeDate, ...rest, oneMore(last)];
      return { ...answered, content: { ...content, head } };
    }
    case 'events': {
      const { stream } = content;
      return {
        ...answered,
        content: { kind: 'events', stream: { ...stream, parts: stream.parts.map(partWithOneMore) } },
      };
    }
    default:
      return answered;
  }
}

function partWithOneMore(part: StreamPart): StreamPart {
  if (typeof part === 'string') return oneMore(part);
  return typeof part === 'function' ? () => oneMore(part()) : part;
}

function oneMore(json: string): string {
  const at = json.lastIndexOf(USAGE);
  if (at < 0) return json;
  const usage = json.slice(at);
  return (
    json.slice(0, at) + usage.replace(COUNTS, (_, name, count) => `"${name}_tokens":${Number(count) + 1}`)
  );
}

/**
 * Answers that are ready to be sent, again and again: spelled, but for the id and the date, which are others each time.
 *
 * Their texts are byte strings: each character is a byte of UTF-8. Node writes such a string as it is (`latin1`), together with the
 * headers, which are a string too; a text, or a Buffer, would be converted, or would be a second piece for the system to write.
 */

import type { ServerResponse } from 'node:http';
import { READY_STREAM_BYTES_MAX } from '../core/limits.js';
import type { Rung } from '../core/match.js';
import type { Match } from '../lookup/lookup.js';
import type { CompletionHead } from '../openai/chat-response.js';
import { ID_DIGITS } from './completion-head.js';
import { STREAM_HEADERS } from './event-stream.js';
import { sourceOf } from './match-headers.js';
import { openaiHeaders } from './openai-headers.js';
import type { RequestFacts } from './request-facts.js';
import type { Completion } from './send-completion.js';

/** An answer from the dataset. */
export interface ReadyAnswer {
  readonly rung: Rung;
  readonly source: string;
  /** What stands before the id, between it and the date, and behind that. */
  readonly head: readonly [string, string, string];
  /** Of a stream, whose events all begin with the head: what stands between the heads. Undefined if the head is all there is. */
  readonly between: readonly string[] | undefined;
  /** Characters of all its texts. */
  readonly length: number;
}

/**
 * Makes an answer of a completion.
 *
 * @returns undefined if it is a stream so long that its client may have to be waited for
 */
export function readyAnswer(match: Match, completion: Completion): ReadyAnswer | undefined {
  const { head, chunks } = completion;
  return chunks === undefined ? readyBody(match, head, completion.body) : readyStream(match, head, chunks);
}

function readyBody(match: Match, head: CompletionHead, body: object): ReadyAnswer {
  const text = byteString(JSON.stringify(body));
  return { ...originOf(match), head: splitHead(text, head), between: undefined, length: text.length };
}

function readyStream(match: Match, head: CompletionHead, chunks: Iterable<object>): ReadyAnswer | undefined {
  const between: string[] = [];
  let beginning = '';
  let rest = '';
  let length = 0;
  for (const chunk of chunks) {
    const event = byteString(`data: ${JSON.stringify(chunk)}\n\n`);
    length += event.length;
    if (length > READY_STREAM_BYTES_MAX) return undefined;
    if (beginning === '') beginning = event.slice(0, event.indexOf(CHOICES));
    between.push(`${rest}${event.length.toString(16)}\r\n`);
    rest = `${event.slice(beginning.length)}\r\n`;
  }
  between.push(`${rest}${STREAM_END}`);
  return { ...originOf(match), head: splitHead(beginning, head), between, length };
}

/** What follows the head in each chunk of a stream. A quote inside a text has a backslash before it, so this is not the model's name. */
const CHOICES = '"choices":[';
/** The last event, and the end of the body, each a chunk of HTTP's chunked encoding. */
const STREAM_END = 'e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n';

const JSON_HEADERS = ['content-type', 'application/json'];
const STREAM_HEADER_LIST = Object.entries(STREAM_HEADERS).flat();

/**
 * Sends an answer to a client that takes HTTP 1.1, all of it in one write.
 *
 * @param digits the random ones of the id
 * @param created seconds since 1970
 */
export function sendReady(
  response: ServerResponse,
  { head: [first, second, third], between, rung, source }: ReadyAnswer,
  facts: RequestFacts,
  digits: string,
  created: number,
): void {
  facts.match = rung;
  facts.source = source;
  const head = `${first}${digits}${second}${created}${third}`;
  // A list of names and values is what Node takes as it is.
  const headers = [
    'x-request-id',
    facts.requestId,
    'x-verbatim-match',
    rung,
    'x-verbatim-source',
    source,
    ...openaiHeaders(facts),
  ];
  if (between === undefined) {
    response.writeHead(200, [...headers, ...JSON_HEADERS, 'content-length', String(head.length)]);
    response.end(head, 'latin1');
    return;
  }
  response.writeHead(200, [...headers, ...STREAM_HEADER_LIST]);
  // The chunks are there already, one an event, as `sendEventStream` makes them: Node is not to make one of them all.
  response.chunkedEncoding = false;
  response.end(between.join(head), 'latin1');
}

function originOf(match: Match): Pick<ReadyAnswer, 'rung' | 'source'> {
  return { rung: match.rung, source: sourceOf(match) };
}

/** The id is what a body begins with, and the date follows it: no text of the client's or of the dataset's stands before them. */
function splitHead(text: string, { id, created }: CompletionHead): ReadyAnswer['head'] {
  const idEnd = text.indexOf(id) + id.length;
  const date = `"created":${created}`;
  const dateEnd = text.indexOf(date, idEnd) + date.length;
  return [
    text.slice(0, idEnd - ID_DIGITS),
    text.slice(idEnd, dateEnd - String(created).length),
    text.slice(dateEnd),
  ];
}

function byteString(text: string): string {
  // Mostly all of it is ASCII, and then it is one already.
  return Buffer.byteLength(text) === text.length ? text : Buffer.from(text).toString('latin1');
}

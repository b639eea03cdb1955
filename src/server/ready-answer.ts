/**
 * Answers that are ready to be sent, again and again: spelled, but for the id and the date, which are others each time.
 *
 * Their texts are byte strings: each character is a byte of UTF-8. Node writes such a string as it is (`latin1`), together with the
 * headers, which are a string too; a text, or a Buffer, would be converted, or would be a second piece for the system to write.
 */

import type { ServerResponse } from 'node:http';
import { READY_STREAM_BYTES_MAX } from '../core/limits.js';
import type { Match } from '../lookup/lookup.js';
import { byteString } from '../lookup/spelled-match.js';
import type { CompletionHead } from '../openai/chat-response.js';
import { ID_DIGITS } from './completion-head.js';
import { STREAM_HEADERS } from './event-stream.js';
import { sourceOf } from './match-headers.js';
import { openaiHeaders } from './openai-headers.js';
import type { RequestFacts } from './request-facts.js';
import type { Completion, Outcome } from './send-completion.js';
import { sendWhole } from './whole-response.js';

/** Where an answer comes from, as its headers say it. */
type Origin = Pick<Match, 'rung' | 'conversationId' | 'replyIndex'>;

/** What stands before an id, between it and a date, and behind that. */
export type Head = readonly [beforeId: string, between: string, behindDate: string];

/** An answer from the dataset, and the bytes of memory that it takes. */
export interface ReadyAnswer {
  readonly rung: string;
  readonly source: string;
  readonly outcome: Outcome;
  readonly content: ReadyBody | ReadyStream;
  readonly length: number;
}

/** All of a body. */
interface ReadyBody {
  readonly kind: 'body';
  readonly head: Head;
}

/** All events of a stream, as they go over the wire, and where in each of them the id and the date are to be put. */
interface ReadyStream {
  readonly kind: 'stream';
  readonly bytes: Buffer;
  readonly holes: readonly number[];
  /** What stands between an id and a date. */
  readonly between: string;
  /** By whom the bytes are being sent: until all of them are, they must stay as they are. */
  sender: ServerResponse | undefined;
}

/**
 * Makes an answer of a completion.
 *
 * @returns undefined if it is a stream so long that its client may have to be waited for
 */
export function readyAnswer(match: Origin, completion: Completion): ReadyAnswer | undefined {
  const { head, body, chunks, usage, finishReason } = completion;
  const outcome = { usage, finishReason };
  return chunks === undefined
    ? readyBody(match, splitHead(head, body), outcome)
    : readyStream(match, head, chunks, outcome);
}

/** An answer whose body is all spelled. */
export function readyBody({ rung, ...place }: Origin, head: Head, outcome: Outcome): ReadyAnswer {
  const length = head[0].length + head[1].length + head[2].length;
  return { rung, source: sourceOf(place), outcome, content: { kind: 'body', head }, length };
}

function readyStream(
  match: Origin,
  head: CompletionHead,
  chunks: Iterable<object>,
  outcome: Outcome,
): ReadyAnswer | undefined {
  const wire: string[] = [];
  const holes: number[] = [];
  let length = 0;
  let between = '';
  for (const chunk of chunks) {
    const event = byteString(`data: ${JSON.stringify(chunk)}\n\n`);
    const beforeId = event.indexOf(head.id) + head.id.length - ID_DIGITS;
    // All begin alike, with the id and the date.
    if (between === '') between = cutHead(event, head)[1];
    const size = `${event.length.toString(16)}\r\n`;
    holes.push(length + size.length + beforeId);
    wire.push(size, event, '\r\n');
    length += size.length + event.length + 2;
    if (length > READY_STREAM_BYTES_MAX) return undefined;
  }
  wire.push(STREAM_END);
  const bytes = Buffer.from(wire.join(''), 'latin1');
  const content: ReadyStream = { kind: 'stream', bytes, holes, between, sender: undefined };
  return { rung: match.rung, source: sourceOf(match), outcome, content, length };
}

/** The last event, and the end of the body, each a chunk of HTTP's chunked encoding. */
const STREAM_END = 'e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n';

/** Spells a body, and cuts it at the id and the date. */
export function splitHead(head: CompletionHead, body: object): Head {
  return cutHead(byteString(JSON.stringify(body)), head);
}

/** A body begins with the id, and the date follows it: no text of the client's or of the dataset's stands before them. */
function cutHead(text: string, { id, created }: CompletionHead): Head {
  const idEnd = text.indexOf(id) + id.length;
  const date = `"created":${created}`;
  const dateEnd = text.indexOf(date, idEnd) + date.length;
  const dateStart = dateEnd - String(created).length;
  return [text.slice(0, idEnd - ID_DIGITS), text.slice(idEnd, dateStart), text.slice(dateEnd)];
}

/** Their chunks are there already, one an event, as `sendEventStream` makes them. */
const STREAM_HEADER_LIST = [...Object.entries(STREAM_HEADERS).flat(), 'transfer-encoding', 'chunked'];

/**
 * Sends an answer to a client that takes HTTP 1.1, all of it in one write.
 *
 * @param digits the random ones of the id
 * @param created seconds since 1970
 */
export function sendReady(
  response: ServerResponse,
  { rung, source, outcome, content }: ReadyAnswer,
  facts: RequestFacts,
  digits: string,
  created: number,
): void {
  facts.match = rung;
  facts.source = source;
  facts.outcome = outcome;
  const headers = openaiHeaders(facts);
  headers.push('x-request-id', facts.requestId, 'x-verbatim-match', rung, 'x-verbatim-source', source);
  if (content.kind === 'body') {
    const [first, second, third] = content.head;
    const body = `${first}${digits}${second}${created}${third}`;
    headers.push('content-type', 'application/json', 'content-length', String(body.length));
    sendWhole(response, headers, body, created);
  } else {
    headers.push(...STREAM_HEADER_LIST);
    sendStream(response, headers, content, `${digits}${content.between}`, created);
  }
}

/** Puts the id and the date into all events. The bytes are long, so they are copied only while they are being sent to somebody else. */
function sendStream(
  response: ServerResponse,
  headers: readonly string[],
  stream: ReadyStream,
  beforeDate: string,
  created: number,
): void {
  const name = Buffer.from(`${beforeDate}${created}`, 'latin1');
  const isShared = stream.sender === undefined;
  const bytes = isShared ? stream.bytes : Buffer.from(stream.bytes);
  for (const hole of stream.holes) bytes.set(name, hole);
  if (!isShared) {
    sendWhole(response, headers, bytes, created);
    return;
  }
  stream.sender = response;
  const release = () => {
    // By the time that a response is closed, another one may have them.
    if (stream.sender === response) stream.sender = undefined;
  };
  // That comes when all is sent, and when the client leaves before.
  response.on('close', release);
  sendWhole(response, headers, bytes, created);
  // Mostly the system has taken all of it by now.
  if (response.socket?.writableLength === 0) release();
}

/** Sends answers. No other module writes the bytes of an answer into a response. */

import type { ServerResponse } from 'node:http';
import type { EventStream, Head } from '../core/event-stream.js';
import {
  LIVE_COMMENT_MS,
  LIVE_WAITING_BYTES_MAX,
  SLAB_BYTES,
  STEP_SLAB_BYTES,
  STREAM_AT_ONCE_MAX,
} from '../core/limits.js';
import { byteString } from '../core/spelled-text.js';
import { queueStep } from '../core/steps.js';
import type { Exchange } from '../upstream/exchange.js';
import { anthropicHeaders } from './anthropic-headers.js';
import { BodyBytes } from './body-bytes.js';
import type { Clock } from './clock.js';
import type { Answered, Content, LiveFormat, OpenLive } from './endpoint.js';
import { endIfUnread } from './linger.js';
import { openaiHeaders } from './openai-headers.js';
import { type Pace, PacedStream } from './paced-stream.js';
import { isFramedHere, rawHead, rawSocket } from './raw-response.js';
import { factsOf } from './request-facts.js';
import { Slabs } from './slabs.js';
import { type EventMaker, StreamBytes } from './stream-bytes.js';

/** Digits of a completion's id after its prefix, as many as OpenAI's ids have. */
export const COMPLETION_ID_DIGITS = 29;

type Events = Extract<Content, { kind: 'events' }>;

const CONTENT_HEADERS = {
  json: ['content-type', 'application/json'],
  named: ['content-type', 'application/json'],
  events: [
    'content-type',
    'text/event-stream; charset=utf-8',
    'cache-control',
    'no-cache, no-transform',
    'x-accel-buffering',
    'no',
  ],
};

/** The headers of what comes later, and what keeps its connection open meanwhile: a comment, or a blank line. */
const LIVE = {
  events: {
    headers: ['content-type', 'text/event-stream; charset=utf-8', 'cache-control', 'no-cache, no-transform'],
    nothing: ':\n\n',
  },
  lines: {
    headers: ['content-type', 'application/x-ndjson', 'cache-control', 'no-cache, no-transform'],
    nothing: '\n',
  },
};

/** Sends answers of any kind. */
export class Sender {
  private readonly clock: Clock;
  private readonly maker: EventMaker;
  private readonly slabs = new Slabs(SLAB_BYTES);
  private readonly stepSlabs = new Slabs(STEP_SLAB_BYTES);

  constructor(clock: Clock, maker: EventMaker) {
    this.clock = clock;
    this.maker = maker;
  }

  /** Sends an answer. Does nothing if the client has disconnected. */
  send(response: ServerResponse, answered: Answered): void {
    if (response.destroyed) return;
    const { status = 200, content } = answered;
    const headers = this.headersOf(response, answered);
    if (content.kind === 'relayed') relay(response, status, headers, content.exchange);
    else if (content.kind === 'live') sendLive(response, status, headers, content);
    else if (content.kind === 'events') this.sendEvents(response, headers, content);
    else if (content.kind === 'named') this.sendNamed(response, status, headers, content.head);
    else {
      const body = content.kind === 'json' ? content.spelled : byteString(content.text);
      this.sendBody(response, status, headers, body);
    }
  }

  /**
   * Sends a stream chunk by chunk, each when it is due.
   *
   * @param stream its events, in place of the answer's own
   */
  sendPaced(response: ServerResponse, answered: Answered, stream: EventStream, pace: Pace): void {
    const isChunked = isFramedHere(response);
    const head = stream.head === undefined ? '' : this.named(stream.head);
    const bytes = new StreamBytes(stream, head, this.maker, isChunked, true);
    // Whether its connection may be written to directly doesn't change while it waits.
    const socket = rawSocket(response);
    const begin = () => {
      const headers = this.headersOf(response, answered);
      if (isChunked) headers.push('transfer-encoding', 'chunked');
      if (socket !== undefined) return rawHead(response, 200, headers, this.clock.now());
      response.writeHead(200, headers);
      if (isChunked) response.chunkedEncoding = false;
      return '';
    };
    new PacedStream(response, socket ?? response, begin, bytes, pace).begin();
  }

  /**
   * Sends the first half of a body.
   *
   * @param isCut true to announce the whole body and end the connection; else the half is the whole body, which isn't JSON then
   */
  sendHalf(response: ServerResponse, answered: Answered, isCut: boolean): void {
    if (response.destroyed) return;
    const { status = 200, content } = answered;
    const body =
      content.kind === 'named' ? this.named(content.head) : content.kind === 'json' ? content.spelled : '';
    const half = body.slice(0, body.length / 2);
    const headers = this.headersOf(response, answered);
    headers.push('content-length', String(isCut ? body.length : half.length));
    response.writeHead(status, headers);
    if (!isCut) response.end(half, 'latin1');
    else response.write(half, 'latin1', () => response.destroy());
  }

  /** Records that an answer begins now, and makes its headers, as a list of names and values. */
  private headersOf(response: ServerResponse, answered: Answered): string[] {
    endIfUnread(response);
    const facts = factsOf(response);
    const { origin, content } = answered;
    facts.answer(answered);
    const headers = facts.isAnthropic ? anthropicHeaders(facts, this.clock.now()) : openaiHeaders(facts);
    if (origin !== undefined) {
      headers.push('x-verbatim-match', origin.match);
      if (origin.source !== undefined) headers.push('x-verbatim-source', origin.source);
      if (origin.dataset !== undefined) headers.push('x-verbatim-dataset', origin.dataset);
      if (origin.score !== undefined) headers.push('x-verbatim-score', origin.score);
    }
    if (content.kind === 'relayed') return withOthers(headers, answered.headers ?? []);
    if (answered.headers !== undefined) headers.push(...answered.headers);
    if (content.kind === 'text') headers.push('content-type', content.type);
    else if (content.kind === 'live') headers.push(...LIVE[content.format].headers);
    else headers.push(...CONTENT_HEADERS[content.kind]);
    return headers;
  }

  /**
   * Sends a body: in one write if it fits into a slab, else at the client's pace.
   *
   * @param body a byte string
   */
  private sendBody(response: ServerResponse, status: number, headers: string[], body: string): void {
    headers.push('content-length', String(body.length));
    if (body.length > SLAB_BYTES) {
      this.pump(response, status, headers, new BodyBytes([body]), true);
      return;
    }
    const socket = rawSocket(response);
    if (socket === undefined) {
      response.writeHead(status, headers);
      response.end(body, 'latin1');
    } else {
      socket.write(rawHead(response, status, headers, this.clock.now()) + body, 'latin1');
      response.end();
    }
  }

  /** Sends a body with a new id, and the current date if it has one: in one write if it fits into a slab, else at the client's pace. */
  private sendNamed(response: ServerResponse, status: number, headers: string[], head: Head): void {
    let length = 0;
    for (const part of head) length += part?.length ?? 0;
    if (length <= SLAB_BYTES) this.sendBody(response, status, headers, this.named(head));
    else {
      const [beforeId, beforeDate, ...rest] = head;
      const begun = this.named([beforeId, beforeDate]);
      headers.push('content-length', String(rest.reduce((sum, part) => sum + part.length, begun.length)));
      this.pump(response, status, headers, new BodyBytes([begun, ...rest]), true);
    }
  }

  /** The text with a new id, and the current date if it has one, inserted. */
  private named(head: Head): string {
    const { newId, now } = this.clock;
    let named = head[0] + newId(COMPLETION_ID_DIGITS);
    if (head[1] !== undefined) named += `${head[1]}${Math.floor(now() / 1000)}`;
    for (let i = 2; i < head.length; i++) named += head[i];
    return named;
  }

  private sendEvents(response: ServerResponse, headers: string[], { stream }: Events): void {
    const isChunked = isFramedHere(response);
    const head = stream.head === undefined ? '' : this.named(stream.head);
    if (isChunked) headers.push('transfer-encoding', 'chunked');
    const bytes = new StreamBytes(stream, head, this.maker, isChunked);
    this.pump(response, 200, headers, bytes, isLong(stream));
  }

  /**
   * Sends bytes as they are built: in one write if all of them fit into a slab, else at the client's pace. Long answers are built one slab
   * per step.
   *
   * @param isLong true if it is probably longer than a slab
   */
  private pump(
    response: ServerResponse,
    status: number,
    headers: string[],
    bytes: StreamBytes | BodyBytes,
    isLong: boolean,
  ): void {
    const socket = rawSocket(response);
    const sink = socket ?? response;
    let rawBytes = '';
    if (socket !== undefined) rawBytes = rawHead(response, status, headers, this.clock.now());
    else {
      response.writeHead(status, headers);
      // Events are already framed as chunks.
      if (isFramedHere(response)) response.chunkedEncoding = false;
    }
    const slabs = isLong ? this.stepSlabs : this.slabs;
    const goOn = () => queueStep(step);
    const step = () => {
      if (response.destroyed) return;
      // For a client that reads slowly, only the bytes that are being sent to it take memory.
      let slab = slabs.take();
      const at = rawBytes === '' ? 0 : slab.write(rawBytes, 'latin1');
      rawBytes = '';
      let end = bytes.fill(slab, at);
      if (end === at && bytes instanceof StreamBytes && !bytes.isDone) {
        slab = slabs.longer(slab, at, bytes.eventBytes);
        end = bytes.fill(slab, at);
      }
      const isTaken = writeSlab(sink, slab, end, slabs);
      if (bytes.isDone) response.end();
      else if (isTaken) goOn();
      else sink.once('drain', goOn);
    };
    response.once('close', () => sink.off('drain', goOn));
    // An ordinary stream is sent immediately: long ones must not delay it.
    if (isLong) goOn();
    else step();
  }
}

/** The headers of this server and those of an upstream, whose own values take precedence. */
function withOthers(own: readonly string[], others: readonly string[]): string[] {
  const names = new Set<string>();
  for (let i = 0; i < others.length; i += 2) names.add((others[i] as string).toLowerCase());
  const kept = own.filter((_, i) => !names.has((own[i - (i % 2)] as string).toLowerCase()));
  return [...kept, ...others];
}

/** Sends the bytes of an upstream's answer as they come, at the client's pace. If it is cut there, it is cut here. */
function relay(response: ServerResponse, status: number, headers: string[], exchange: Exchange): void {
  response.writeHead(status, headers);
  const follower = exchange.follow({
    onChunk: (chunk) => response.write(chunk),
    onEnd: (isWhole) => (isWhole ? response.end() : response.destroy()),
  });
  // The first chunk may come much later than the head.
  if (!exchange.hasBegun) response.flushHeaders();
  response.on('drain', follower.resume);
  response.once('close', follower.stop);
}

/** Sends events as they come. A client that doesn't read them is disconnected. */
function sendLive(
  response: ServerResponse,
  status: number,
  headers: string[],
  { format, open }: { readonly format: LiveFormat; readonly open: OpenLive },
): void {
  response.writeHead(status, headers);
  response.flushHeaders();
  const write = (event: string) => {
    response.write(event);
    if (response.writableLength > LIVE_WAITING_BYTES_MAX) response.destroy();
  };
  const stop = open(write, () => response.end());
  const timer = setInterval(() => write(LIVE[format].nothing), LIVE_COMMENT_MS);
  timer.unref();
  response.once('close', () => {
    clearInterval(timer);
    stop();
  });
}

/** Writes a slab, and gives it back once the system has taken its bytes. */
function writeSlab(
  sink: NodeJS.WritableStream & { writableLength?: number },
  slab: Buffer,
  end: number,
  slabs: Slabs,
): boolean {
  let isGiven = false;
  const give = () => {
    if (!isGiven) slabs.give(slab);
    isGiven = true;
  };
  const isTaken = sink.write(slab.subarray(0, end), give);
  // Usually the system has already taken all of it.
  if (sink.writableLength === 0) give();
  return isTaken;
}

/** True if a stream has more text than `STREAM_AT_ONCE_MAX`. */
function isLong({ parts }: EventStream): boolean {
  let length = 0;
  for (let i = 0; i < parts.length && length <= STREAM_AT_ONCE_MAX; i++) {
    const part = parts[i];
    if (typeof part === 'string') length += part.length;
    else if (typeof part === 'object') length += part.content.spelled.length;
  }
  return length > STREAM_AT_ONCE_MAX;
}

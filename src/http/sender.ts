/** Sends answers: the one place where the bytes of an answer go into a response. */

import type { ServerResponse } from 'node:http';
import { byteString } from '../core/spelled-text.js';
import type { Clock } from './clock.js';
import type { Answered, Content } from './endpoint.js';
import { openaiHeaders } from './openai-headers.js';
import { rawHead, rawSocket } from './raw-response.js';
import { factsOf } from './request-facts.js';
import { Slabs } from './slabs.js';
import { type EventMaker, StreamBytes } from './stream-bytes.js';
import { endIfUnread } from './unread.js';

/** Digits of a completion's id behind its prefix, as many as OpenAI's have. */
const ID_DIGITS = 29;

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

/** Sends answers of any kind. */
export class Sender {
  private readonly clock: Clock;
  private readonly maker: EventMaker;
  private readonly slabs = new Slabs();

  constructor(clock: Clock, maker: EventMaker) {
    this.clock = clock;
    this.maker = maker;
  }

  /** Sends an answer; nothing if the client has left. */
  send(response: ServerResponse, answered: Answered): void {
    if (response.destroyed) return;
    endIfUnread(response);
    const facts = factsOf(response);
    const { status = 200, origin, content } = answered;
    facts.answer(answered);
    const headers = openaiHeaders(facts);
    if (origin !== undefined) {
      headers.push('x-verbatim-match', origin.match);
      if (origin.source !== undefined) headers.push('x-verbatim-source', origin.source);
      if (origin.dataset !== undefined) headers.push('x-verbatim-dataset', origin.dataset);
    }
    if (answered.headers !== undefined) headers.push(...answered.headers);
    if (content.kind === 'text') headers.push('content-type', content.type);
    else headers.push(...CONTENT_HEADERS[content.kind]);
    if (content.kind === 'events') this.sendEvents(response, headers, content);
    else this.sendBody(response, status, headers, this.bodyOf(content));
  }

  /** @param body a byte string */
  private sendBody(response: ServerResponse, status: number, headers: string[], body: string): void {
    headers.push('content-length', String(body.length));
    const socket = rawSocket(response);
    if (socket === undefined) {
      response.writeHead(status, headers);
      response.end(body, 'latin1');
    } else {
      socket.write(rawHead(response, status, headers, this.clock.now()) + body, 'latin1');
      response.end();
    }
  }

  private bodyOf(content: Exclude<Content, Events>): string {
    switch (content.kind) {
      case 'json':
        return content.spelled;
      case 'text':
        return byteString(content.text);
      case 'named':
        return this.named(content.head);
    }
  }

  /** What goes out under a new id and today's date. */
  private named([beforeId, between, afterDate]: readonly [string, string, string]): string {
    const { newId, now } = this.clock;
    return `${beforeId}${newId(ID_DIGITS)}${between}${Math.floor(now() / 1000)}${afterDate}`;
  }

  /** Sends events: in one write where there is room for all of them, else as the client takes them. */
  private sendEvents(response: ServerResponse, headers: string[], { stream }: Events): void {
    const socket = rawSocket(response);
    const sink = socket ?? response;
    const isRaw = socket !== undefined;
    // HTTP 1.0 has no chunks.
    const isChunked = response.req.httpVersionMinor === 1;
    const head = stream.head === undefined ? '' : this.named(stream.head);
    const bytes = new StreamBytes(stream, head, this.maker, isChunked);
    let begun: Buffer | undefined;
    let at = 0;
    if (isChunked) headers.push('transfer-encoding', 'chunked');
    if (isRaw) {
      begun = this.slabs.take();
      at = begun.write(rawHead(response, 200, headers, this.clock.now()), 'latin1');
    } else {
      response.writeHead(200, headers);
      // The events are chunks already.
      response.chunkedEncoding = false;
    }
    const pump = () => {
      while (!bytes.isDone && !response.destroyed) {
        // A client that reads slowly holds no more than what is being sent to it.
        let slab = begun ?? this.slabs.take();
        let end = bytes.fill(slab, at);
        if (end === at && !bytes.isDone) {
          slab = this.slabs.longer(slab, at, bytes.eventBytes);
          end = bytes.fill(slab, at);
        }
        begun = undefined;
        at = 0;
        if (!this.write(sink, slab, end) && !bytes.isDone) {
          sink.once('drain', pump);
          return;
        }
      }
      if (bytes.isDone) response.end();
    };
    response.once('close', () => sink.off('drain', pump));
    pump();
  }

  /** Writes a slab, which is given back once the system has taken its bytes. */
  private write(
    sink: NodeJS.WritableStream & { writableLength?: number },
    slab: Buffer,
    end: number,
  ): boolean {
    let isGiven = false;
    const give = () => {
      if (!isGiven) this.slabs.give(slab);
      isGiven = true;
    };
    const isTaken = sink.write(slab.subarray(0, end), give);
    // Mostly the system has taken all of it by now.
    if (sink.writableLength === 0) give();
    return isTaken;
  }
}

/** Request bodies: how they are read, measured and parsed, and how much of them may be held. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import { setImmediate as turn } from 'node:timers/promises';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { RequestHandler } from 'express';
import type { ByteCount } from '../core/bytes.js';
import { AppError, ERRORS } from '../core/errors.js';
import {
  BODY_DEPTH_MAX,
  BODY_NAMES_MAX,
  BODY_PARTS_MAX,
  BODY_SLICE_BYTES,
  BODY_VALUES_MAX,
  PART_BYTES,
  VALUE_BYTES,
} from '../core/limits.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import type { JsonMeter, JsonSize } from '../kernel/json-meter.js';
import type { HeldMemory } from './held-memory.js';
import type { AppRequest, BodyTaker } from './message-classes.js';
import { factsOf, type RequestFacts } from './request-facts.js';

type Take = (body: Buffer) => void;
type Fail = (error: AppError) => void;

/** The content encodings that are inflated, by Node's threads. */
const INFLATERS = { gzip: createGunzip, deflate: createInflate, br: createBrotliDecompress };

/** Such a body holds nothing that is over a limit: it opens fewer containers than may be open at once, and closes them. */
const SIMPLE_BYTES_MAX = 2 * BODY_DEPTH_MAX;

const BYTE_ORDER_MARK = 0xfeff;

/** Reads the bodies of a server's requests. */
export class Bodies {
  /** The longest body that is read, in bytes. */
  readonly limit: ByteCount;
  private readonly held: HeldMemory;
  private readonly meter: JsonMeter;
  /** For long bodies, between whose slices short ones are measured. */
  private readonly longMeter: JsonMeter;
  /** Settles when the long bodies are parsed that came so far: two at a time would take twice the memory. */
  private parsing: Promise<unknown> = Promise.resolve();

  /**
   * @param limit the longest body that is read, in bytes
   * @param held counts what all of them hold; one that is alone may hold as much as `limit` says
   */
  constructor(limit: ByteCount, held: HeldMemory, newMeter: () => JsonMeter) {
    this.limit = limit;
    this.held = held;
    this.meter = newMeter();
    this.longMeter = newMeter();
  }

  /**
   * Reads a plain body past its stream. To be called before any of it has come.
   *
   * @param take gets it; isn't called if the client leaves before
   * @param fail is called instead, once, as soon as it is too long, or there is no room for it
   */
  read(request: AppRequest, response: ServerResponse, take: Take, fail: Fail): void {
    request.takeBody(new Reading(this, factsOf(response), take, fail));
  }

  /** Reads a body as it comes out of its stream, inflated if it is compressed: then these bytes count. */
  readStream(request: IncomingMessage, response: ServerResponse, take: Take, fail: Fail): void {
    const inflate = inflaterOf(request);
    if (Number(request.headers['content-length'] ?? 0) > this.limit) {
      fail(this.tooLarge());
      return;
    }
    tellToGoOn(request, response);
    const inflater = inflate?.({ chunkSize: INFLATED_AT_ONCE_BYTES });
    const stop = () => {
      if (inflater === undefined) return;
      request.unpipe(inflater).resume();
      inflater.destroy();
    };
    const reading = new Reading(this, factsOf(response), take, (error) => {
      stop();
      fail(error);
    });
    (inflater === undefined ? request : request.pipe(inflater))
      .on('data', (part: Buffer) => reading.take(part))
      .on('end', () => reading.end());
    inflater?.on('error', (cause) => {
      const message = `The request body could not be decompressed: ${cause.message}.`;
      reading.end(new AppError('bad_request', { cause, message }));
    });
    response.once('close', stop);
  }

  /**
   * Counts so many bytes more of a body.
   *
   * @param length how long it is with them
   * @returns why it isn't to be read on; undefined if it is
   */
  hold(facts: RequestFacts, bytes: number, length: number): AppError | undefined {
    const isOver = this.held.hold(facts, bytes);
    if (length > this.limit) return this.tooLarge();
    return isOver ? new AppError('overloaded') : undefined;
  }

  /**
   * Parses a body: at once if it is short, else slice by slice, one body after the other.
   *
   * @throws AppError, at once or as a rejection, if it is not JSON, or holds more than a body may
   */
  parse(body: Buffer, response: ServerResponse): MaybePromise<unknown> {
    if (body.length > BODY_SLICE_BYTES) {
      const parsed = this.parsing.then(() => this.parseLong(body, response));
      this.parsing = parsed.catch(() => undefined);
      return parsed;
    }
    if (body.length > SIMPLE_BYTES_MAX) {
      this.meter.begin();
      this.meter.add(body);
      this.holdParsed(checkedSize(this.meter), response);
    }
    return parsed(body.toString());
  }

  private async parseLong(body: Buffer, response: ServerResponse): Promise<unknown> {
    const decoder = new StringDecoder();
    let text = '';
    this.longMeter.begin();
    for (let at = 0; at < body.length; at += BODY_SLICE_BYTES) {
      const slice = body.subarray(at, at + BODY_SLICE_BYTES);
      this.longMeter.add(slice);
      checkedSize(this.longMeter);
      text += decoder.write(slice);
      await turn();
    }
    // The client has left: nobody is told.
    if (response.destroyed) throw new AppError('bad_request');
    this.holdParsed(this.longMeter.size, response);
    const value = parsed(text + decoder.end());
    // To look it up takes a while, too.
    await turn();
    return value;
  }

  /** Counts what is made of a body. */
  private holdParsed({ values, parts }: JsonSize, response: ServerResponse): void {
    const bytes = values * VALUE_BYTES + parts * PART_BYTES;
    if (this.held.hold(factsOf(response), bytes)) throw new AppError('overloaded');
  }

  private tooLarge(): AppError {
    const message = `The request body is too large. Expected at most ${this.limit} bytes (the setting BODY_LIMIT_MB).`;
    return new AppError('request_too_large', { message });
  }
}

/** One body that is being read. */
class Reading implements BodyTaker {
  private readonly bodies: Bodies;
  private readonly facts: RequestFacts;
  private readonly give: Take;
  private readonly fail: Fail;
  private bytes: Buffer = NOTHING;
  private length = 0;
  private isOver = false;

  constructor(bodies: Bodies, facts: RequestFacts, give: Take, fail: Fail) {
    this.bodies = bodies;
    this.facts = facts;
    this.give = give;
    this.fail = fail;
  }

  take(part: Buffer): void {
    if (this.isOver) return;
    const { bodies, facts, length } = this;
    this.length += part.length;
    const problem = bodies.hold(facts, part.length, this.length);
    if (problem !== undefined) this.end(problem);
    else if (length === 0) this.bytes = part;
    else {
      // Parts may be a byte each: a list of them would take a hundred times their length.
      if (this.length > this.bytes.length) {
        const longer = Buffer.allocUnsafeSlow(Math.min(2 * this.length, bodies.limit));
        this.bytes.copy(longer, 0, 0, length);
        this.bytes = longer;
      }
      part.copy(this.bytes, length);
    }
  }

  /** @param problem why there is no more of it, if that is not its end */
  end(problem?: AppError): void {
    if (this.isOver) return;
    this.isOver = true;
    const { bytes, length } = this;
    this.bytes = NOTHING;
    if (problem !== undefined) this.fail(problem);
    else this.give(length === bytes.length ? bytes : bytes.subarray(0, length));
  }
}

const NOTHING = Buffer.alloc(0);

/** Inflated bytes that come to the main thread in one part. */
const INFLATED_AT_ONCE_BYTES = 65_536;

/** The text of a body, parsed. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text);
  } catch (error) {
    const problem = (error as Error).message;
    throw new AppError('invalid_json', { message: `${ERRORS.invalid_json.message} (${problem})` });
  }
}

/**
 * What was measured.
 *
 * @throws AppError if it is more than a body may hold
 */
function checkedSize(meter: JsonMeter): JsonSize {
  const { size } = meter;
  if (size.depth > BODY_DEPTH_MAX) {
    const message = `The request is nested too deeply. Expected at most ${BODY_DEPTH_MAX} objects and arrays in each other.`;
    throw new AppError('bad_request', { message });
  }
  assertAtMost(BODY_VALUES_MAX, size.values, 'values');
  assertAtMost(BODY_PARTS_MAX, size.parts, 'objects, arrays and strings');
  assertAtMost(BODY_NAMES_MAX, size.names, 'different names and short strings');
  return size;
}

function assertAtMost(limit: number, count: number, what: string): void {
  if (count <= limit) return;
  const message = `The request body holds too much. Expected at most ${limit} ${what}.`;
  throw new AppError('request_too_large', { message });
}

/** @throws AppError if a body comes in an encoding that is not known */
function inflaterOf({ headers }: IncomingMessage): (typeof INFLATERS)[keyof typeof INFLATERS] | undefined {
  const encoding = headers['content-encoding']?.toLowerCase() ?? 'identity';
  if (encoding === 'identity') return undefined;
  if (Object.hasOwn(INFLATERS, encoding)) return INFLATERS[encoding as keyof typeof INFLATERS];
  throw new AppError('unsupported_content_type', {
    message: `Unsupported content encoding: '${encoding}'. Expected one of ${Object.keys(INFLATERS).join(', ')}.`,
  });
}

/** Tells a client that waits for it to send its body. HTTP 1.0 has no such answer. */
function tellToGoOn({ headers, httpVersionMinor }: IncomingMessage, response: ServerResponse): void {
  if (httpVersionMinor > 0 && /^100-continue$/i.test(headers.expect ?? '')) response.writeContinue();
}

/** Reads the JSON body of a request into `request.body`. A missing content type is taken for JSON; another one is refused. */
export function readBody(bodies: Bodies): RequestHandler {
  return async (request, response, next) => {
    assertJson(request);
    const { headers } = request;
    if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0) {
      const body = await new Promise<Buffer>((take, fail) =>
        bodies.readStream(request, response, take, fail),
      );
      if (body.length > 0) request.body = await bodies.parse(body, response);
    }
    next();
  };
}

function assertJson({ headers }: IncomingMessage): void {
  const type = headers['content-type'];
  if (type === undefined) return;
  if (!/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type)) {
    throw new AppError('unsupported_content_type', {
      message: `Unsupported content type: '${type}'. This API only accepts 'application/json'.`,
    });
  }
  const charset = /;\s*charset\s*=\s*"?([^\s";]*)/i.exec(type)?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
    throw new AppError('unsupported_content_type', {
      message: `Unsupported charset: '${charset}'. This API only accepts UTF-8.`,
    });
  }
}

/** Reads, measures and parses request bodies, and limits the memory that they take. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import { setImmediate as loopTurn } from 'node:timers/promises';
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
import type { CutJson, JsonMeter, JsonSize } from '../kernel/json-meter.js';
import { bodyTexts } from '../kernel/known-spelling.js';
import { parseCut } from './cut-body.js';
import type { HeldMemory } from './held-memory.js';
import type { AppRequest, BodyTaker } from './message-classes.js';
import { factsOf, type RequestFacts } from './request-facts.js';

type Take = (body: Buffer) => void;
type Fail = (error: AppError) => void;

/** The supported content encodings. Node's thread pool decompresses them. */
const INFLATERS = { gzip: createGunzip, deflate: createInflate, br: createBrotliDecompress };

/** A body up to this length isn't measured: it is too short to exceed a limit, even if it only opens and closes containers. */
const SIMPLE_BYTES_MAX = 2 * BODY_DEPTH_MAX;

const BYTE_ORDER_MARK = 0xfeff;

/** Reads the bodies of a server's requests. */
export class Bodies {
  /** The maximum length of a body, in bytes. */
  readonly limit: ByteCount;
  private readonly held: HeldMemory;
  /** True if the facts of a request keep its body. */
  private readonly areKept: boolean;
  private readonly meter: JsonMeter;
  /** Measures long bodies, slice by slice. `meter` measures short ones in the meantime. */
  private readonly longMeter: JsonMeter;
  /** Settles when all earlier long bodies are parsed. Parsing two at once would take twice the memory. */
  private parsing: Promise<unknown> = Promise.resolve();

  /**
   * @param limit the maximum length of a body, in bytes
   * @param held counts the memory of all bodies
   * @param areKept true to keep the bodies for the journal, or for an upstream
   */
  constructor(limit: ByteCount, held: HeldMemory, areKept: boolean, newMeter: () => JsonMeter) {
    this.limit = limit;
    this.held = held;
    this.areKept = areKept;
    this.meter = newMeter();
    this.longMeter = newMeter();
  }

  /**
   * Reads a plain body without its stream. Must be called before any part of it has arrived.
   *
   * @param take receives the body; not called if the client disconnects first
   * @param fail called instead, once, as soon as the body is too long or there is no memory for it
   */
  read(request: AppRequest, response: ServerResponse, take: Take, fail: Fail): void {
    request.takeBody(new Reading(this, factsOf(response), this.keeping(response, take), fail));
  }

  /** Reads a body from its stream. A compressed body is decompressed, and its limits apply to the decompressed bytes. */
  readStream(request: IncomingMessage, response: ServerResponse, take: Take, fail: Fail): void {
    const inflate = inflaterOf(request);
    if (Number(request.headers['content-length'] ?? 0) > this.limit) {
      fail(this.tooLarge());
      return;
    }
    sendContinue(request, response);
    const inflater = inflate?.({ chunkSize: INFLATED_AT_ONCE_BYTES });
    const stop = () => {
      if (inflater === undefined) return;
      request.unpipe(inflater).resume();
      inflater.destroy();
    };
    const reading = new Reading(this, factsOf(response), this.keeping(response, take), (error) => {
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
   * Counts additional bytes of a body.
   *
   * @param length the length of the body including these bytes
   * @returns why reading must stop; undefined to continue
   */
  hold(facts: RequestFacts, bytes: number, length: number): AppError | undefined {
    const isOver = this.held.hold(facts, bytes);
    if (length > this.limit) return this.tooLarge();
    return isOver ? new AppError('overloaded') : undefined;
  }

  /**
   * Parses a body: synchronously if it is short, else slice by slice, one body after the other.
   *
   * @throws AppError, synchronously or as a rejection, if it isn't JSON or exceeds a limit
   */
  parse(body: Buffer, response: ServerResponse): MaybePromise<unknown> {
    bodyTexts.clear();
    if (body.length > BODY_SLICE_BYTES) {
      const parsed = this.parsing.then(() => this.parseLong(body, response));
      this.parsing = parsed.catch(() => undefined);
      return parsed;
    }
    if (body.length <= SIMPLE_BYTES_MAX) return this.valid(response, parseJson(body.toString()));
    const { meter } = this;
    let cut: CutJson | undefined;
    if (body.length <= meter.cutBytesMax) cut = meter.cut(body);
    else {
      meter.begin();
      meter.add(body);
    }
    this.holdParsed(checkedSize(meter), response);
    const value = cut && parseCut(cut, body);
    return this.valid(response, value ?? parseJson(body.toString()));
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
      await loopTurn();
    }
    // The client has disconnected: this error isn't sent.
    if (response.destroyed) throw new AppError('bad_request');
    this.holdParsed(this.longMeter.size, response);
    const value = this.valid(response, parseJson(text + decoder.end()));
    // The lookup takes a while, too.
    await loopTurn();
    return value;
  }

  /** Counts the memory of a parsed body. */
  private holdParsed({ values, parts }: JsonSize, response: ServerResponse): void {
    const bytes = values * VALUE_BYTES + parts * PART_BYTES;
    if (this.held.hold(factsOf(response), bytes)) throw new AppError('overloaded');
  }

  private keeping(response: ServerResponse, take: Take): Take {
    if (!this.areKept) return take;
    return (body) => {
      factsOf(response).body = body;
      take(body);
    };
  }

  /** Notes that a body is valid JSON within the limits. */
  private valid(response: ServerResponse, value: unknown): unknown {
    if (this.areKept) factsOf(response).isBodyValid = true;
    return value;
  }

  private tooLarge(): AppError {
    const message = `The request body is too large. Expected at most ${this.limit} bytes (the setting BODY_LIMIT_MB).`;
    return new AppError('request_too_large', { message });
  }
}

/** A body that is being read. */
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
      // Parts are copied into one buffer. A part may be a single byte: a list of such parts would take a hundred times their length.
      if (this.length > this.bytes.length) {
        const longer = Buffer.allocUnsafeSlow(Math.min(2 * this.length, bodies.limit));
        this.bytes.copy(longer, 0, 0, length);
        this.bytes = longer;
      }
      part.copy(this.bytes, length);
    }
  }

  /** @param problem why the body ends early; undefined if it is complete */
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

/** The size of the parts in which the decompressor passes its output on. */
const INFLATED_AT_ONCE_BYTES = 65_536;

/**
 * Parses the text of a body.
 *
 * @throws AppError if it isn't JSON
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text);
  } catch (error) {
    const problem = (error as Error).message;
    throw new AppError('invalid_json', { message: `${ERRORS.invalid_json.message} (${problem})` });
  }
}

/**
 * The measured size.
 *
 * @throws AppError if it exceeds a limit
 */
function checkedSize(meter: JsonMeter): JsonSize {
  const { size } = meter;
  if (size.depth > BODY_DEPTH_MAX) {
    const message = `The request is nested too deeply. Expected at most ${BODY_DEPTH_MAX} nested objects and arrays.`;
    throw new AppError('bad_request', { message });
  }
  assertAtMost(BODY_VALUES_MAX, size.values, 'values');
  assertAtMost(BODY_PARTS_MAX, size.parts, 'objects, arrays and strings');
  assertAtMost(BODY_NAMES_MAX, size.names, 'different names and short strings');
  return size;
}

function assertAtMost(limit: number, count: number, what: string): void {
  if (count <= limit) return;
  const message = `The request body is too large. Expected at most ${limit} ${what}.`;
  throw new AppError('request_too_large', { message });
}

/** @throws AppError if the body's encoding isn't supported */
function inflaterOf({ headers }: IncomingMessage): (typeof INFLATERS)[keyof typeof INFLATERS] | undefined {
  const encoding = headers['content-encoding']?.toLowerCase() ?? 'identity';
  if (encoding === 'identity') return undefined;
  if (Object.hasOwn(INFLATERS, encoding)) return INFLATERS[encoding as keyof typeof INFLATERS];
  throw new AppError('unsupported_content_type', {
    message: `Unsupported content encoding: '${encoding}'. Expected one of ${Object.keys(INFLATERS).join(', ')}.`,
  });
}

/** Sends `100 Continue` if the client expects it. HTTP 1.0 doesn't have it. */
export function sendContinue({ headers, httpVersionMinor }: IncomingMessage, response: ServerResponse): void {
  if (httpVersionMinor > 0 && /^100-continue$/i.test(headers.expect ?? '')) response.writeContinue();
}

/** Reads the JSON body of a request into `request.body`. A missing content type is treated as JSON; any other type is rejected. */
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

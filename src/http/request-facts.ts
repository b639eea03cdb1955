import type { IncomingMessage, ServerResponse } from 'node:http';
import { REQUEST_ID_LENGTH_MAX } from '../core/limits.js';
import type { Plan } from '../delivery/delivery.js';
import type { Clock } from './clock.js';
import type { Answered, Outcome } from './endpoint.js';

/** Characters of a generated id after its prefix. */
const REQUEST_ID_DIGITS = 32;

/** What a client has left of its limit. */
export interface Rate {
  /** Requests a minute. */
  readonly limit: number;
  readonly remaining: number;
  /** The time until the client has its whole limit again, in ms. */
  readonly resetMs: number;
}

/** What is known about a request besides its input. Its response carries it, as Express's `locals`. */
export class RequestFacts {
  /** The client's own id, if it sent a printable one; else generated. */
  readonly requestId: string;
  /** True if the answer has Anthropic's format. */
  readonly isAnthropic: boolean;
  /** The match, as in the response headers, for the log. */
  match: string | undefined = undefined;
  source: string | undefined = undefined;
  score: string | undefined = undefined;
  dataset: string | undefined = undefined;
  /** The beginning of a prompt that was not found, for the log. */
  missedPrompt: string | undefined = undefined;
  /** The outcome of the completion in the answer, if there is one. */
  outcome: Outcome | undefined = undefined;
  /** The error in the answer, if it is one. */
  error: { readonly code: string; readonly message: string } | undefined = undefined;
  /** The body, decompressed, for the journal or an upstream; undefined without one. */
  body: Buffer | undefined = undefined;
  /** True if another process answers it. */
  isPassedOn = false;
  /** True if the body is valid JSON within the limits. */
  isBodyValid = false;
  /** The client's remaining rate limit, if the request counts against it. */
  rate: Rate | undefined = undefined;
  /** The memory that it holds: its body, and the recorded replies of its answer. */
  heldBytes = 0;
  /** True once its response is closed: replies that are found after that aren't held. */
  isReleased = false;
  /** The memory of the replies alone. */
  replyBytes = 0;
  /** When the request arrived, and when its answer began, in ms of a monotonic clock. */
  readonly cameAt = performance.now();
  beganAt: number | undefined = undefined;
  /** When it was admitted, if it had to wait for others. */
  admittedAt: number = this.cameAt;
  /**
   * When the first token of its answer was due, if all of them are sent together, but as late as the last one of a stream. In ms of the
   * same clock.
   */
  firstTokenAt: number | undefined = undefined;
  /** Tokens that were sent so far, of a stream whose chunks are sent when they are due. */
  sentTokens = 0;
  /** True if the times between the tokens of its answer are counted as they are sent. */
  isPaced = false;
  /** How its answer is delivered; undefined if it is sent at once. */
  plan: Plan | undefined = undefined;
  private readonly now: () => number;
  private readonly startMs: number;

  constructor({ headers }: IncomingMessage, { now, newId }: Clock, isAnthropic = false) {
    this.isAnthropic = isAnthropic;
    const sent = headers['x-request-id'];
    this.requestId = isEchoed(sent) ? sent : `req_${newId(REQUEST_ID_DIGITS)}`;
    this.now = now;
    this.startMs = now();
  }

  /** Records the answer. */
  answer({ origin, outcome }: Answered): void {
    this.match = origin?.match;
    this.source = origin?.source;
    this.score = origin?.score;
    this.dataset = origin?.dataset;
    this.outcome = outcome;
  }

  /** Records that the answer begins now. */
  begin(): void {
    this.beganAt ??= performance.now();
  }

  /** The time since the request arrived, in ms. */
  get elapsedMs(): number {
    return Math.max(0, Math.round(this.now() - this.startMs));
  }
}

/** A response that carries the facts about its request. */
interface Known extends ServerResponse {
  locals: RequestFacts;
}

/** Attaches facts to a response. */
export function attachFacts(response: ServerResponse, facts: RequestFacts): void {
  (response as Known).locals = facts;
}

/** The facts that are attached to a response. */
export function factsOf(response: ServerResponse): RequestFacts {
  return (response as Known).locals;
}

function isEchoed(id: unknown): id is string {
  return typeof id === 'string' && /^[\x21-\x7e]+$/.test(id) && id.length <= REQUEST_ID_LENGTH_MAX;
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import { REQUEST_ID_LENGTH_MAX } from '../core/limits.js';
import type { Clock } from './clock.js';
import type { Answered, Outcome } from './endpoint.js';

/** Characters of an id that is made, behind its prefix. */
const ID_DIGITS = 32;

/** What is known of a request besides what it asks for. It goes with its response, as Express's `locals`. */
export class RequestFacts {
  /** The client's own, if it sent a printable one; else made. */
  readonly requestId: string;
  /** What the headers say of the match, for the log. */
  match: string | undefined = undefined;
  source: string | undefined = undefined;
  dataset: string | undefined = undefined;
  /** Of the completion that is given, if one is. */
  outcome: Outcome | undefined = undefined;
  /** Memory that it takes: its body, and the replies that it is answered with. */
  heldBytes = 0;
  /** True once its response is closed: what is found for it after that is held by nobody. */
  isReleased = false;
  /** That of the replies alone. */
  replyBytes = 0;
  /** When the request came, and when its answer began: ms of a clock that only goes on. */
  readonly cameAt = performance.now();
  beganAt: number | undefined = undefined;
  private readonly now: () => number;
  private readonly startMs: number;

  constructor({ headers }: IncomingMessage, { now, newId }: Clock) {
    const sent = headers['x-request-id'];
    this.requestId = isEchoed(sent) ? sent : `req_${newId(ID_DIGITS)}`;
    this.now = now;
    this.startMs = now();
  }

  /** Tells what is answered. */
  answer({ origin, outcome }: Answered): void {
    this.match = origin?.match;
    this.source = origin?.source;
    this.dataset = origin?.dataset;
    this.outcome = outcome;
  }

  /** Tells that the answer begins now. */
  begin(): void {
    this.beganAt ??= performance.now();
  }

  /** Since the request came, in ms. */
  get elapsedMs(): number {
    return Math.max(0, Math.round(this.now() - this.startMs));
  }
}

/** A response, and what is known of its request. */
interface Known extends ServerResponse {
  locals: RequestFacts;
}

/** Lets facts go with a response. */
export function attachFacts(response: ServerResponse, facts: RequestFacts): void {
  (response as Known).locals = facts;
}

/** The facts that go with a response. */
export function factsOf(response: ServerResponse): RequestFacts {
  return (response as Known).locals;
}

function isEchoed(id: unknown): id is string {
  return typeof id === 'string' && /^[\x21-\x7e]+$/.test(id) && id.length <= REQUEST_ID_LENGTH_MAX;
}

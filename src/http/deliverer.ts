/** Delivers answers: between an endpoint's answer and the sender. What a delivery decides is done here. */

import type { ServerResponse } from 'node:http';
import type { MaybePromise } from '../core/maybe-promise.js';
import { spell } from '../core/spelled-text.js';
import type { Delivery, Plan } from '../delivery/delivery.js';
import type { Failure } from '../delivery/failure.js';
import type { Whole } from '../delivery/schedule.js';
import { EARLY_MS, type Timed, TimerWheel } from '../delivery/timer-wheel.js';
import type { Catalog } from '../models/catalog.js';
import type { Scope } from '../store/scopes.js';
import { testOf } from '../testing/asked.js';
import type { Answered } from './endpoint.js';
import { bodyOfRefused, type ErrorAnswers } from './errors.js';
import { CLIENT_ENDED } from './linger.js';
import { factsOf, type RequestFacts } from './request-facts.js';
import type { RequestMetrics } from './request-metrics.js';
import { resetConnection } from './reset.js';
import type { Sender } from './sender.js';
import { simulatedError } from './simulated-error.js';
import { withoutEnd, withWrongUsage } from './spoiled-answers.js';
import type { TokensInFlight } from './tokens-in-flight.js';
import { unlessAborted } from './while-open.js';

/** The status of a failure that doesn't name one. */
const FAILED_STATUS = 500;

const FULL = 'As many requests run and wait as MAX_NUM_SEQS and MAX_WAITING allow.';

/** Delivers answers as their requests, their tests and the settings say. Without any of that, an answer is sent at once. */
export class Deliverer {
  private readonly delivery: Delivery;
  private readonly sender: Sender;
  private readonly errors: ErrorAnswers;
  private readonly catalog: Catalog;
  private readonly metrics: RequestMetrics;
  private readonly tokensInFlight: TokensInFlight;
  private readonly stopping: AbortSignal;
  private readonly wheel = new TimerWheel();

  /** @param stopping aborts when the server stops */
  constructor(
    delivery: Delivery,
    sender: Sender,
    errors: ErrorAnswers,
    catalog: Catalog,
    metrics: RequestMetrics,
    tokensInFlight: TokensInFlight,
    stopping: AbortSignal,
  ) {
    this.delivery = delivery;
    this.sender = sender;
    this.errors = errors;
    this.catalog = catalog;
    this.metrics = metrics;
    this.tokensInFlight = tokensInFlight;
    this.stopping = stopping;
  }

  /** False if the answer to a request with these headers is sent at once. */
  concerns(headers: ServerResponse['req']['headers']): boolean {
    return this.delivery.concerns(headers, testOf(headers));
  }

  /**
   * Counts a request for an answer of a model, and decides how that is delivered.
   *
   * @param name the model's name in the request
   * @param scopeOf returns what is set for its test
   * @throws AppError, at once or as a rejection, if the name is unknown, a header of the request is invalid, or the store is away
   */
  plan(
    name: string | undefined,
    response: ServerResponse,
    scopeOf: () => MaybePromise<Scope | undefined>,
  ): MaybePromise<Plan> {
    const { headers } = response.req;
    return this.delivery.plan(this.catalog.idOf(name), headers, testOf(headers), scopeOf);
  }

  /**
   * Admits a request: at once, or once there is room for it.
   *
   * @param isStream true if it asks for a stream
   * @param signal called if it has to wait for others
   * @throws AppError, at once or as a rejection, if it fails on purpose, or if too many requests wait
   */
  admit(
    plan: Plan,
    isStream: boolean,
    response: ServerResponse,
    signal: () => AbortSignal,
  ): MaybePromise<void> {
    const { socket } = response.req;
    const facts = factsOf(response);
    const { failure } = plan;
    // What comes before the first byte comes before the answer, which would use up a reply that a test gives once.
    switch (failure?.kind) {
      case 'status':
        throw simulatedError(failure.status, facts);
      case 'error':
        if (failure.chunks > 0 && isStream) break;
        throw simulatedError(FAILED_STATUS, facts);
      case 'cut':
        if (failure.chunks > 0) break;
        facts.error = errorOf(failure);
        socket.destroySoon();
        return this.untilClosed(response);
      case 'reset':
        facts.error = errorOf(failure);
        resetConnection(response);
        return this.untilClosed(response);
      case 'hang':
        facts.error = errorOf(failure);
        return this.untilClosed(response);
    }
    const seat = plan.capacity.enter();
    if (seat === undefined) throw simulatedError(429, facts, FULL);
    facts.plan = plan;
    if (response.closed) seat.leave();
    else response.once('close', seat.leave);
    if (seat.waiting === undefined) return undefined;
    dropOnceGone(response);
    return unlessAborted(signal(), seat.waiting).then(() => {
      facts.admittedAt = performance.now();
    });
  }

  /** Sends an answer when it is due. Does nothing if the client has disconnected. */
  send(response: ServerResponse, answered: Answered): void {
    const { plan } = factsOf(response);
    const release = answered.outcome && this.tokensInFlight.hold(answered.outcome);
    if (release !== undefined) onceGone(response, release);
    const isRelayed = answered.content.kind === 'relayed';
    if (plan === undefined || isRelayed || (answered.status ?? 200) >= 400)
      this.sender.send(response, answered);
    else if (!response.destroyed) {
      this.deliver(response, spoiled(answered, plan), plan);
      if (!response.writableEnded) dropOnceGone(response);
    }
  }

  private deliver(response: ServerResponse, answered: Answered, plan: Plan): void {
    const { failure } = plan;
    const { content, outcome } = answered;
    const isStream = content.kind === 'events';
    const facts = factsOf(response);
    const { prompt_tokens = answered.inputTokens ?? 0, completion_tokens = 0 } = outcome?.usage ?? {};
    if (isStream) {
      facts.isPaced = plan.interval > 0;
      const counts = outcome && this.metrics.completionsOf(outcome.model);
      this.sender.sendPaced(response, answered, content.stream, {
        wheel: this.wheel,
        schedule: plan.schedule(prompt_tokens, facts.admittedAt),
        interval: plan.interval,
        failure,
        errorEvent: (number) =>
          errorEvent(response, content.stream.afterNumber === undefined ? undefined : number),
        refuse: () => this.errors.answer(response, simulatedError(FAILED_STATUS, facts)),
        onFailed: (failed) => {
          facts.error = errorOf(failed);
        },
        onSent: (tokens, gapMs) => {
          facts.sentTokens += tokens;
          // The first tokens have no time before the first of them.
          const gaps = gapMs === undefined ? Math.min(tokens, completion_tokens) - 1 : tokens;
          if (gaps > 0) counts?.interToken.addTimes((gapMs ?? 0) / 1000 / gaps, gaps);
        },
      });
      return;
    }
    const replies = outcome?.replies ?? [{ tokens: completion_tokens }];
    const whole = plan.whole(prompt_tokens, replies, facts.admittedAt, this.wheel.now);
    facts.firstTokenAt = whole.firstMs;
    if (failure?.kind === 'stall') whole.stall(failure.ms);
    const send = () => {
      if (failure?.kind === 'cut') facts.error = errorOf(failure);
      if (failure?.kind === 'cut' || failure?.kind === 'malformed')
        this.sender.sendHalf(response, answered, failure.kind === 'cut');
      else this.sender.send(response, answered);
    };
    const later = new Later(whole, this.wheel, send);
    response.once('close', () => this.wheel.remove(later));
    later.act(this.wheel.now);
  }

  /** Never resolves: rejects once the client has disconnected. A server that stops disconnects it. */
  private untilClosed(response: ServerResponse): Promise<never> {
    return new Promise((_, reject) => {
      const { socket } = response.req;
      const stop = () => socket.destroy();
      const end = () => {
        this.stopping.removeEventListener('abort', stop);
        reject(new DOMException('the client has disconnected', 'AbortError'));
      };
      if (response.closed) return end();
      response.once('close', end);
      onceGone(response, stop);
      if (this.stopping.aborted) stop();
      else this.stopping.addEventListener('abort', stop, { once: true });
    });
  }
}

/** A failure after which a request has no whole answer, for the log and the journal. */
function errorOf({ kind }: Failure): RequestFacts['error'] {
  return { code: 'simulated_failure', message: `This failure is simulated: ${kind}.` };
}

/** Calls `act` when a client has left, or has ended its side of the connection. */
function onceGone(response: ServerResponse, act: () => void): void {
  if (response.closed || response.req.socket.readableEnded) act();
  response.once('close', act);
  response.once(CLIENT_ENDED, act);
}

/**
 * Drops the connection of a delayed answer when its client ends its side. It may still read, but clients that give up do the same, and
 * nothing is sent to it meanwhile that would show the difference. Inference servers drop it, too.
 */
function dropOnceGone(response: ServerResponse): void {
  onceGone(response, () => {
    if (!response.writableEnded) response.req.socket.destroy();
  });
}

/** An answer that is sent once, when it is due. */
class Later implements Timed {
  dueMs = 0;
  wheelNext: Timed | undefined = undefined;
  wheelPrevious: Timed | undefined = undefined;
  private readonly whole: Whole;
  private readonly wheel: TimerWheel;
  private readonly send: () => void;

  constructor(whole: Whole, wheel: TimerWheel, send: () => void) {
    this.whole = whole;
    this.wheel = wheel;
    this.send = send;
  }

  act(nowMs: number): void {
    if (this.whole.isDue(nowMs + EARLY_MS)) this.send();
    else {
      this.dueMs = this.whole.dueMs;
      this.wheel.add(this);
    }
  }
}

/** An answer without its last event, or with a wrong usage, if it fails like that. */
function spoiled(answered: Answered, { failure }: Plan): Answered {
  if (failure?.kind === 'no-done') return withoutEnd(answered);
  return failure?.kind === 'wrong-usage' ? withWrongUsage(answered) : answered;
}

/**
 * The event of an error within a stream, in the format of the request.
 *
 * @param number the number of the event, if events of the stream are numbered: those of the Responses API, whose errors have another shape
 */
function errorEvent(response: ServerResponse, number: number | undefined): string {
  const error = simulatedError(FAILED_STATUS, factsOf(response));
  if (number !== undefined) {
    const { message } = error;
    const fields = { type: 'error', code: 'server_error', message, param: null, sequence_number: number };
    return `event: error\ndata: ${spell(fields)}\n\n`;
  }
  const name = factsOf(response).isAnthropic ? 'event: error\n' : '';
  return `${name}data: ${spell(bodyOfRefused(error, response))}\n\n`;
}

/** Rate limiting: counts the requests of each client within a minute. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';
import { AppError } from '../core/errors.js';
import { RATE_CLIENTS_MAX } from '../core/limits.js';
import { after, type MaybePromise, orElse } from '../core/maybe-promise.js';
import { insteadOfStore } from '../store/away.js';
import { MemoryStore } from '../store/memory-store.js';
import type { Count, CountKind, Counts, Store } from '../store/store.js';
import { keyIn } from './auth.js';
import { clientAddressOf } from './client-address.js';
import { factsOf, type Rate } from './request-facts.js';

const REQUESTS: CountKind = {
  name: 'rate',
  lifeMs: 60_000,
  isRenewed: false,
  isSecret: true,
  countMax: RATE_CLIENTS_MAX,
};

/** Counts requests, and rejects those over the limit. The window of a client is a minute that begins with its first request. */
export class RateLimit {
  private readonly limit: number;
  private readonly hasKeys: boolean;
  private readonly counts: Counts;
  /** Counts while the store is away: each server then has the whole limit for itself, but rejects only what is over it. */
  private readonly own: Counts;

  /**
   * @param limit requests a minute
   * @param hasKeys true if each key has its own limit; else each address has
   */
  constructor(limit: number, hasKeys: boolean, store: Store) {
    this.limit = limit;
    this.hasKeys = hasKeys;
    this.counts = store.counts(REQUESTS);
    this.own = store.isShared ? new MemoryStore().counts(REQUESTS) : this.counts;
  }

  /**
   * Counts a request. Its response then carries the client's rate in OpenAI's headers.
   *
   * @returns the error to answer, if the request is over the limit
   */
  count(request: IncomingMessage, response: ServerResponse): MaybePromise<AppError | undefined> {
    const key = this.hasKeys ? keyIn(request.headers) : undefined;
    const client = key ?? networkOf(clientAddressOf(request));
    const counted = orElse(
      () => this.counts.count(client),
      (error) => insteadOfStore(error, () => this.own.count(client)),
    );
    return after(counted, (counted) => this.errorOf(counted, response));
  }

  private errorOf({ count, endsInMs }: Count, response: ServerResponse): AppError | undefined {
    const { limit } = this;
    const resetMs = Math.ceil(endsInMs);
    factsOf(response).rate = { limit, remaining: Math.max(0, limit - count), resetMs };
    return count > limit ? overLimit(limit, resetMs) : undefined;
  }
}

/** Applies a rate limit as Express middleware. */
export function limitRate(rate: RateLimit): RequestHandler {
  return (request, response, next) => {
    const overLimit = rate.count(request, response);
    if (overLimit instanceof Promise) overLimit.then(next, next);
    else next(overLimit);
  };
}

/** The rate limit headers for a client: names and values. */
export function rateHeaders({ limit, remaining, resetMs }: Rate): readonly string[] {
  return [
    'x-ratelimit-limit-requests',
    String(limit),
    'x-ratelimit-remaining-requests',
    String(remaining),
    'x-ratelimit-reset-requests',
    `${resetMs / 1000}s`,
  ];
}

function overLimit(limit: number, resetMs: number): AppError {
  const seconds = Math.ceil(resetMs / 1000);
  return new AppError('rate_limit_exceeded', {
    message: `Rate limit reached for requests: ${limit} a minute. Please try again in ${seconds}s.`,
    headers: ['retry-after', String(seconds), 'retry-after-ms', String(resetMs)],
  });
}

/**
 * The network that an address is counted by. One client may have all addresses of an IPv6 /56, the largest network that providers commonly
 * assign. An IPv4 address is counted by itself.
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = [], tail = []] = address
    .split('::')
    .map((part) => part.split(':').filter((each) => each !== ''));
  const zeros = Array<string>(8 - head.length - tail.length).fill('0');
  const [first, second, third, fourth] = [...head, ...zeros, ...tail].map((group) =>
    Number.parseInt(group, 16),
  );
  return [first, second, third, (fourth ?? 0) & 0xff00].map((group) => group?.toString(16)).join(':');
}

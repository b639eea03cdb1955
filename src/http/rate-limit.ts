/** Rate limiting: counts the requests of each client within a minute. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';
import { LRUCache } from 'lru-cache';
import { AppError } from '../core/errors.js';
import { RATE_CLIENTS_MAX } from '../core/limits.js';
import { keyIn } from './auth.js';
import { factsOf, type Rate } from './request-facts.js';

const MINUTE_MS = 60_000;

/** The requests of one client in a window of a minute, which begins with its first request. */
interface Window {
  count: number;
  /** When the window ends, by `performance.now()`. */
  readonly endsAt: number;
}

/** Counts requests, and rejects those over the limit. */
export class RateLimit {
  private readonly limit: number;
  private readonly hasKeys: boolean;
  private readonly windows = new LRUCache<string, Window>({ max: RATE_CLIENTS_MAX });

  /**
   * @param limit requests a minute
   * @param hasKeys true if each key has its own limit; else each address has
   */
  constructor(limit: number, hasKeys: boolean) {
    this.limit = limit;
    this.hasKeys = hasKeys;
  }

  /**
   * Counts a request. Its response then carries the client's rate in OpenAI's headers.
   *
   * @returns the error to answer, if the request is over the limit
   */
  count({ headers, socket }: IncomingMessage, response: ServerResponse): AppError | undefined {
    const { limit } = this;
    const client = (this.hasKeys ? keyIn(headers) : undefined) ?? networkOf(socket.remoteAddress ?? '');
    const now = performance.now();
    let window = this.windows.get(client);
    if (window === undefined || window.endsAt <= now) {
      window = { count: 0, endsAt: now + MINUTE_MS };
      this.windows.set(client, window);
    }
    window.count++;
    const resetMs = Math.ceil(window.endsAt - now);
    factsOf(response).rate = { limit, remaining: Math.max(0, limit - window.count), resetMs };
    return window.count > limit ? overLimit(limit, resetMs) : undefined;
  }
}

/** Applies a rate limit as Express middleware. */
export function limitRate(rate: RateLimit): RequestHandler {
  return (request, response, next) => next(rate.count(request, response));
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

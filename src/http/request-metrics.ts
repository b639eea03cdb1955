/** Counts every request, for `GET /metrics`. This runs on every request under load, so it takes only a few additions. */

import type { FinishReason } from '../core/reply.js';
import type { RequestFacts } from './request-facts.js';
import { OTHER } from './routes.js';

/** The upper bounds of the latency buckets, in seconds. */
export const LATENCY_BOUNDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
] as const;

/** A histogram of durations. */
export class Histogram {
  /** `counts[i]`: the durations above bound i−1, up to bound i. The last one: those above all bounds. */
  readonly counts = new Array<number>(LATENCY_BOUNDS.length + 1).fill(0);
  /** The sum of all durations, in seconds. */
  sum = 0;
  /** The longest duration, in seconds. */
  max = 0;

  add(seconds: number): void {
    this.addTimes(seconds, 1);
  }

  /** Adds the same duration several times. */
  addTimes(seconds: number, times: number): void {
    let bucket = 0;
    while (bucket < LATENCY_BOUNDS.length && seconds > (LATENCY_BOUNDS[bucket] as number)) bucket++;
    this.counts[bucket] = (this.counts[bucket] as number) + times;
    this.sum += seconds * times;
    if (seconds > this.max) this.max = seconds;
  }
}

/** The number of requests of one kind. */
export interface RequestCount {
  /** The path as in the OpenAPI document; `other` for all paths that it doesn't have. */
  readonly route: string;
  readonly status: number;
  /** The header `x-verbatim-match`; empty if it is missing. */
  readonly match: string;
  /** The model whose dataset has the reply; empty without a recorded reply. */
  readonly model: string;
  count: number;
}

/** The latencies of a route. */
export interface RouteLatency {
  readonly whole: Histogram;
  readonly first: Histogram;
}

/** The counts of a model's completions. */
export class CompletionCounts {
  readonly whole = new Histogram();
  readonly firstToken = new Histogram();
  /** The times between two tokens: of an answer that isn't paced, its average for each of them. */
  readonly interToken = new Histogram();
  /** The average of each completion. */
  readonly perToken = new Histogram();
  /** The times until requests were admitted. */
  readonly queue = new Histogram();
  /** By finish reason; `abort` if the client disconnected before the end, and `error` if the answer failed on purpose. */
  readonly finished = new Map<FinishReason | 'abort' | 'error', number>();
  promptTokens = 0;
  completionTokens = 0;
}

/** The counts of all requests. */
export class RequestMetrics {
  private readonly counts = new Map<string, RequestCount>();
  readonly routes = new Map<string, RouteLatency>();
  /** The counts of completions, by model id. */
  private readonly completions = new Map<string, CompletionCounts>();
  /** Completion requests whose answers haven't ended. */
  running = 0;

  /**
   * Counts a request that ends now.
   *
   * @param isWhole false if the client disconnected before it received the whole answer
   */
  record(route: string, status: number, facts: RequestFacts, isWhole: boolean): void {
    const { cameAt, beganAt, match = '', dataset = '', outcome } = facts;
    const now = performance.now();
    const seconds = (now - cameAt) / 1000;
    const firstSeconds = ((beganAt ?? now) - cameAt) / 1000;
    this.count(route, status, match, dataset);
    let latency = this.routes.get(route);
    if (latency === undefined) {
      latency = { whole: new Histogram(), first: new Histogram() };
      this.routes.set(route, latency);
    }
    latency.whole.add(seconds);
    latency.first.add(firstSeconds);
    if (outcome === undefined) return;
    const { firstTokenAt, admittedAt } = facts;
    const firstTokenSeconds = firstTokenAt === undefined ? firstSeconds : (firstTokenAt - cameAt) / 1000;
    const counts = this.completionsOf(outcome.model);
    const isComplete = isWhole && facts.error === undefined;
    const incomplete = facts.error === undefined ? 'abort' : 'error';
    const finishReason = isComplete ? outcome.finishReason : incomplete;
    counts.finished.set(finishReason, (counts.finished.get(finishReason) ?? 0) + 1);
    counts.firstToken.add(firstTokenSeconds);
    counts.queue.add((admittedAt - cameAt) / 1000);
    counts.promptTokens += outcome.usage.prompt_tokens;
    if (!isComplete) {
      counts.completionTokens += facts.sentTokens;
      return;
    }
    counts.whole.add(seconds);
    counts.completionTokens += outcome.usage.completion_tokens;
    const gaps = outcome.usage.completion_tokens - 1;
    if (gaps < 1) return;
    const perToken = (seconds - firstTokenSeconds) / gaps;
    counts.perToken.add(perToken);
    if (!facts.isPaced) counts.interToken.addTimes(perToken, gaps);
  }

  /** The counts of a model's completions. */
  completionsOf(model: string): CompletionCounts {
    let counts = this.completions.get(model);
    if (counts === undefined) {
      counts = new CompletionCounts();
      this.completions.set(model, counts);
    }
    return counts;
  }

  /** Counts input that was rejected before it became a request. */
  recordRefused(status: number): void {
    this.count(OTHER, status, '', '');
  }

  private count(route: string, status: number, match: string, model: string): void {
    const key = `${route} ${status} ${match} ${model}`;
    const known = this.counts.get(key);
    if (known === undefined) this.counts.set(key, { route, status, match, model, count: 1 });
    else known.count++;
  }

  /** The number of requests of each kind. */
  get requests(): Iterable<RequestCount> {
    return this.counts.values();
  }
}

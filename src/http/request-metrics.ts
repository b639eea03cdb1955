/** What is counted of every request, for `GET /metrics`. It is counted while load comes by: so it takes no more than a few additions. */

import type { FinishReason } from '../openai/reply.js';
import type { RequestFacts } from './request-facts.js';
import { OTHER } from './routes.js';

/** The upper bounds of the buckets of a latency, in seconds. */
export const LATENCY_BOUNDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
] as const;

/** How many of some durations were how long. */
export class Histogram {
  /** For each bound how many are not above it, but above the one before; last, those above all. */
  readonly counts = new Array<number>(LATENCY_BOUNDS.length + 1).fill(0);
  /** Of all of them, in seconds. */
  sum = 0;

  add(seconds: number): void {
    let bucket = 0;
    while (bucket < LATENCY_BOUNDS.length && seconds > (LATENCY_BOUNDS[bucket] as number)) bucket++;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.sum += seconds;
  }
}

/** How many requests of one kind there were. */
export interface RequestCount {
  /** The path that they were for, as the description of the API has it; `other` for those that aren't there. */
  readonly route: string;
  readonly status: number;
  /** What the header `x-verbatim-match` says, empty where there is none. */
  readonly match: string;
  /** The model whose dataset has the reply, empty where there is none. */
  readonly model: string;
  count: number;
}

/** The latencies of a route. */
export interface RouteLatency {
  readonly whole: Histogram;
  readonly first: Histogram;
}

/** What is counted of the completions of a model. */
export class CompletionCounts implements RouteLatency {
  readonly whole = new Histogram();
  readonly first = new Histogram();
  /** By why they ended: `abort` if the client left before. */
  readonly finished = new Map<FinishReason | 'abort', number>();
  promptTokens = 0;
  completionTokens = 0;
}

/** The counts of all requests. */
export class RequestMetrics {
  private readonly counts = new Map<string, RequestCount>();
  readonly routes = new Map<string, RouteLatency>();
  /** Of completions that were given, by their models' ids. */
  private readonly completions = new Map<string, CompletionCounts>();
  /** Requests for completions whose answers have not ended. */
  running = 0;

  /**
   * Counts a request that ends now.
   *
   * @param isWhole false if the client left before it had all of the answer
   */
  record(
    route: string,
    status: number,
    { cameAt, beganAt, match = '', dataset = '', outcome }: RequestFacts,
    isWhole: boolean,
  ): void {
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
    const { usage } = outcome;
    const counts = this.completionsOf(outcome.model);
    const finishReason = isWhole ? outcome.finishReason : 'abort';
    counts.finished.set(finishReason, (counts.finished.get(finishReason) ?? 0) + 1);
    counts.first.add(firstSeconds);
    counts.promptTokens += usage.prompt_tokens;
    if (!isWhole) return;
    counts.whole.add(seconds);
    counts.completionTokens += usage.completion_tokens;
  }

  /** What is counted of a model's completions. */
  completionsOf(model: string): CompletionCounts {
    let counts = this.completions.get(model);
    if (counts === undefined) {
      counts = new CompletionCounts();
      this.completions.set(model, counts);
    }
    return counts;
  }

  /** Counts what was refused before it was a request. */
  recordRefused(status: number): void {
    this.count(OTHER, status, '', '');
  }

  private count(route: string, status: number, match: string, model: string): void {
    const key = `${route} ${status} ${match} ${model}`;
    const known = this.counts.get(key);
    if (known === undefined) this.counts.set(key, { route, status, match, model, count: 1 });
    else known.count++;
  }

  /** How many requests of each kind there were. */
  get requests(): Iterable<RequestCount> {
    return this.counts.values();
  }
}

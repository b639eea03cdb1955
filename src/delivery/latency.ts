/** How long an answer takes: the time to its first token, and from one token to the next. */

import type { LatencyProfile } from './latency-profile.js';
import { msAt } from './latency-profile.js';
import type { Random } from './random.js';

/** Times of answers, in ms. */
export interface Latency {
  readonly timeToFirstToken: number;
  readonly timeToFirstTokenStdDev: number;
  readonly prefillTimePerToken: number;
  readonly interTokenLatency: number;
  readonly interTokenLatencyStdDev: number;
  /** Replaces the constant times for which it has a table. */
  readonly profile?: LatencyProfile | undefined;
}

/** True if answers take no time. */
export function isInstant(latency: Latency): boolean {
  const { timeToFirstToken, timeToFirstTokenStdDev, prefillTimePerToken } = latency;
  return (
    latency.profile?.ttft === undefined &&
    latency.profile?.itl === undefined &&
    timeToFirstToken + timeToFirstTokenStdDev + prefillTimePerToken === 0 &&
    latency.interTokenLatency + latency.interTokenLatencyStdDev === 0
  );
}

/** The times of one answer, in ms. They are drawn one after the other. */
export class Times {
  private readonly latency: Latency;
  private readonly promptTokens: number;
  private readonly random: Random;

  constructor(latency: Latency, promptTokens: number, random: Random) {
    this.latency = latency;
    this.promptTokens = promptTokens;
    this.random = random;
  }

  /** The time from the request to the first token. */
  first(): number {
    const { latency, promptTokens, random } = this;
    const table = latency.profile?.ttft;
    const prefill = promptTokens * latency.prefillTimePerToken;
    if (table !== undefined) return prefill + msAt(table, promptTokens, random.next());
    return prefill + normal(latency.timeToFirstToken, latency.timeToFirstTokenStdDev, random);
  }

  /**
   * The time for some more tokens.
   *
   * @param sent how many tokens there are before them
   */
  next(tokens: number, sent: number): number {
    const { latency, promptTokens, random } = this;
    const { interTokenLatency, interTokenLatencyStdDev } = latency;
    const table = latency.profile?.itl;
    if (table === undefined && interTokenLatencyStdDev === 0) return tokens * interTokenLatency;
    let ms = 0;
    for (let i = 0; i < tokens; i++) {
      if (table === undefined) ms += normal(interTokenLatency, interTokenLatencyStdDev, random);
      else ms += msAt(table, promptTokens + sent + i, random.next());
    }
    return ms;
  }
}

/** A normally distributed time, never below 0. */
function normal(mean: number, deviation: number, random: Random): number {
  return deviation === 0 ? mean : Math.max(0, mean + deviation * random.normal());
}

/**
 * The factor of all times while requests run at the same time, as llm-d-inference-sim computes it: `most` with all of them, 1 with one, and
 * linear between.
 *
 * @param max how many run at most
 */
export function loadFactorAt(most: number, running: number, max: number): number {
  return max <= 1 ? 1 : 1 + ((most - 1) * Math.max(0, running - 1)) / (max - 1);
}

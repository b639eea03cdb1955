/** Rounds of load on servers that stay up, interleaved: a temporary slowdown of the machine affects all of them. */

import { say } from '../progress.js';
import { type Figure, figureOf } from '../results.js';
import type { Server } from '../server.js';
import type { Latency, LoadGenerator } from './load-generator.js';
import type { Scenario } from './scenarios.js';

/** Requests of one kind to one server. */
export interface Cell {
  /** The prefix of its figures' names. */
  readonly name: string;
  readonly server: Server;
  readonly scenario: Scenario;
  readonly connections: number;
}

/** The measurements of a round. */
export interface Measurement {
  readonly requestsPerSecond: number;
  /** All threads of the server. Responses that the end of the round cut off, at most one per connection, use CPU and aren't counted. */
  readonly cpuMicrosecondsPerRequest: number;
  readonly latency: Latency;
}

/** How long cells are measured, in whole seconds. */
export interface RoundPlan {
  readonly rounds: number;
  readonly seconds: number;
  /** Warm-up in the first round, and in each later one. 0 for none. */
  readonly firstWarmUpSeconds: number;
  readonly warmUpSeconds: number;
}

/**
 * Measures each cell once in each round.
 *
 * @param title receives the progress
 * @returns the rounds of each cell, in the order of the cells
 */
export async function measureInRounds(
  generator: LoadGenerator,
  cells: readonly Cell[],
  plan: RoundPlan,
  title: string,
): Promise<Measurement[][]> {
  const measured: Measurement[][] = cells.map(() => []);
  for (let round = 1; round <= plan.rounds; round++) {
    say(`${title}: round ${round} of ${plan.rounds}\n`);
    for (const [i, cell] of cells.entries()) {
      const warmUpSeconds = round === 1 ? plan.firstWarmUpSeconds : plan.warmUpSeconds;
      if (warmUpSeconds > 0) await measureCell(generator, cell, warmUpSeconds);
      measured[i]?.push(await measureCell(generator, cell, plan.seconds));
    }
  }
  return measured;
}

/** Measures a cell once. */
export async function measureCell(
  generator: LoadGenerator,
  { server, scenario, connections }: Cell,
  seconds: number,
): Promise<Measurement> {
  const { path, bodies, expectedStatus } = scenario;
  const url = `${await server.url}${path}`;
  const before = server.cpuMicroseconds;
  const load = await generator.run({ url, bodies, first: 0, connections, seconds, expectedStatus });
  return {
    requestsPerSecond: load.requests / load.seconds,
    cpuMicrosecondsPerRequest: (server.cpuMicroseconds - before) / load.requests,
    latency: load.latency,
  };
}

/** The figures of a cell's rounds. */
export function figuresOf(name: string, rounds: readonly Measurement[]): Figure[] {
  const figure = (what: string, unit: string, of: (measurement: Measurement) => number) =>
    figureOf(`${name} / ${what}`, unit, rounds.map(of));
  return [
    ...figure('requests per second', '/s', (round) => round.requestsPerSecond),
    ...figure('CPU per request', 'µs', (round) => round.cpuMicrosecondsPerRequest),
    ...figure('mean latency', 'ms', ({ latency }) => latency.mean),
    ...figure('p50', 'ms', ({ latency }) => latency.p50),
    ...figure('p97.5', 'ms', ({ latency }) => latency.p975),
    ...figure('p99', 'ms', ({ latency }) => latency.p99),
    ...figure('max', 'ms', ({ latency }) => latency.max),
  ];
}

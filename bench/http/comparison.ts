/** Our server beside the plainest there are, in the same rounds. */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../cleanup.js';
import type { Figure } from '../results.js';
import { type Server, type ServerCommand, verbatim, withServer } from '../server.js';
import { withServers } from './fleet.js';
import type { LoadGenerator } from './load-generator.js';
import {
  type Cell,
  figuresOf,
  type Measurement,
  measureCell,
  measureInRounds,
  type RoundPlan,
} from './measurement.js';
import { MemoryWatch } from './memory-watch.js';
import type { PreparedDataset } from './prepared-dataset.js';
import { checkPeer, checkScenario } from './scenario-check.js';
import type { ScenarioName, Scenarios } from './scenarios.js';

export const CONNECTIONS = 32;

/** The servers to compare with: the files in servers/ by the names of the table. */
const PEERS = {
  'node:http': 'node-http',
  'node:http, body parsed': 'node-http-parse',
  'node:http, parsed and stringified': 'node-http-stringify',
  'Fastify 5': 'fastify',
  'Express 5': 'express',
} as const;

const OURS = {
  'verbatim: hit, repeated': { scenario: 'hit, repeated', flags: ['--cache-mb', '64'] },
  'verbatim: hit, all different, no cache': { scenario: 'hit, all different', flags: [] },
  'verbatim: hit, streamed': { scenario: 'hit, streamed', flags: ['--cache-mb', '64'] },
  'verbatim: hit, repeated, a log line each': {
    scenario: 'hit, repeated',
    flags: ['--cache-mb', '64', '--log-level', 'info'],
  },
} as const satisfies Record<string, { scenario: ScenarioName; flags: readonly string[] }>;

/** A row of the table. */
export type RowName = keyof typeof PEERS | keyof typeof OURS;

/** What our server has while it has only just begun to count tokens. */
export const UNCOUNTED = 'verbatim: all different, before the tokens were counted';

/** What was measured, by rows. */
export interface Comparison {
  readonly rows: ReadonlyMap<string, ComparedRow>;
  readonly figures: readonly Figure[];
}

/** The rounds of a row. */
export interface ComparedRow {
  readonly rounds: readonly Measurement[];
  /** Resident memory before the first round, at its highest, and after the last one, in 1,000,000 bytes. */
  readonly memory: { readonly before: number; readonly highest: number; readonly after: number };
}

/**
 * Measures every row in every round.
 *
 * @param withUncounted true to measure `UNCOUNTED`, too
 */
export async function compareServers(
  dataset: PreparedDataset,
  scenarios: Scenarios,
  generator: LoadGenerator,
  plan: RoundPlan,
  withUncounted: boolean,
): Promise<Comparison> {
  const names = [...Object.keys(PEERS), ...Object.keys(OURS)];
  const rows = new Map<string, ComparedRow>();
  const commands = [
    ...Object.values(PEERS).map(peerCommand),
    ...Object.values(OURS).map(({ flags }) => ourCommand(dataset, flags)),
  ];
  await withServers(commands, async (servers) => {
    const cells = names.map((name, i) => cellOf(name, servers[i] as Server, scenarios));
    for (const { name, scenario, server } of cells) {
      if (name in PEERS) await checkPeer(scenario, await server.url);
      else await checkScenario(scenario, await server.url);
    }
    const watches = servers.map((server) => new MemoryWatch(server));
    const measured = await measureInRounds(generator, cells, plan, 'comparison');
    for (const [i, name] of names.entries()) {
      const watch = watches[i] as MemoryWatch;
      watch.stop();
      const memory = {
        before: watch.beforeMegabytes,
        highest: watch.highestMegabytes,
        after: watch.nowMegabytes,
      };
      rows.set(name, { rounds: measured[i] ?? [], memory });
    }
  });
  if (withUncounted) rows.set(UNCOUNTED, await measureUncounted(dataset, scenarios, generator, plan));
  const figures = [...rows].flatMap(([name, { rounds }]) => figuresOf(`comparison / ${name}`, rounds));
  return { rows, figures };
}

/** A row that must be there. */
export function rowOf(comparison: Comparison, name: RowName): readonly Measurement[] {
  return comparison.rows.get(name)?.rounds ?? [];
}

function cellOf(name: string, server: Server, scenarios: Scenarios): Cell {
  const scenario = name in OURS ? OURS[name as keyof typeof OURS].scenario : 'hit, all different';
  return { name, server, scenario: scenarios[scenario], connections: CONNECTIONS };
}

/** Each round in a server that has only just made its index. */
async function measureUncounted(
  { path }: PreparedDataset,
  scenarios: Scenarios,
  generator: LoadGenerator,
  { rounds, seconds }: RoundPlan,
): Promise<ComparedRow> {
  const measured: Measurement[] = [];
  const memory = { before: Number.NaN, highest: Number.NaN, after: Number.NaN };
  for (let round = 1; round <= rounds; round++) {
    await withServer(verbatim(path, ['--engine', 'index', '--index-dir', 'none']), async (server) => {
      const cell = cellOf('verbatim: hit, all different, no cache', server, scenarios);
      measured.push(await measureCell(generator, cell, seconds));
    });
  }
  return { rounds: measured, memory };
}

function peerCommand(file: string): ServerCommand {
  return { args: [fileURLToPath(new URL(`./servers/${file}.js`, import.meta.url))] };
}

function ourCommand({ path, indexFlags }: PreparedDataset, flags: readonly string[]): ServerCommand {
  const command = verbatim(path, ['--engine', 'index', ...indexFlags, ...flags]);
  const writesLog = flags.includes('--log-level');
  return writesLog ? { ...command, logPath: join(temporaryFolder(), 'server.log') } : command;
}

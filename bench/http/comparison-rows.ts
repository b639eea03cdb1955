/** The rows of the comparison: which server runs which scenario. */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../cleanup.js';
import { type ServerCommand, verbatim } from '../server.js';
import type { PreparedDataset } from './prepared-dataset.js';
import { checkPeer, checkReplies, checkScenario } from './scenario-check.js';
import type { Scenario, ScenarioName } from './scenarios.js';

/** A server of the comparison. Rows with the same object share one process. */
export interface RowServer {
  readonly command: (dataset: PreparedDataset) => ServerCommand;
  /** Rejects if the server at `url` sends a wrong answer to one of the scenario's samples. */
  readonly check: (scenario: Scenario, url: string) => Promise<void>;
}

/** A row before it is measured. */
export interface RowPlan {
  readonly server: RowServer;
  readonly scenario: ScenarioName;
  /** True if `--quick` leaves the row out, because no goal needs it. */
  readonly isFullOnly: boolean;
}

const MAP: RowServer = {
  command: ({ path }) => ({ args: [scriptOf('node-http-map'), path] }),
  check: checkReplies,
};

const CACHE = ['--cache-mb', '64'];

/** Every row, in the order of the table. */
export const ROWS = {
  'node:http': { ...fixed('node-http'), isFullOnly: true },
  'node:http, body parsed': fixed('node-http-parse'),
  'node:http, parsed and stringified': { ...fixed('node-http-stringify'), isFullOnly: true },
  'Fastify 5': { ...fixed('fastify'), isFullOnly: true },
  'Express 5': fixed('express'),
  'node:http, Map of the dataset: hit, all different': {
    ...row(MAP, 'hit, all different'),
    isFullOnly: true,
  },
  'node:http, Map of the dataset: hit, streamed, all different': row(MAP, 'hit, streamed, all different'),
  'node:http, Map of the dataset: hit, streamed, 8 kB': row(MAP, 'hit, streamed, 8 kB'),
  'node:http, Map of the dataset: miss': { ...row(MAP, 'miss'), isFullOnly: true },
  'verbatim: hit, repeated': row(ours(CACHE), 'hit, repeated'),
  'verbatim: hit, all different, no cache': row(ours(), 'hit, all different'),
  'verbatim: miss, all different, no cache': row(ours(), 'miss'),
  'verbatim: hit, streamed': row(ours(CACHE), 'hit, streamed'),
  'verbatim: hit, streamed, all different, no cache': row(ours(), 'hit, streamed, all different'),
  'verbatim: hit, streamed, 8 kB, no cache': row(ours(), 'hit, streamed, 8 kB'),
  'verbatim: hit, streamed, usage, no cache': row(ours(), 'hit, streamed, usage'),
  'verbatim: hit, repeated, a log line each': {
    ...row(ours([...CACHE, '--log-level', 'info']), 'hit, repeated'),
    isFullOnly: true,
  },
} as const satisfies Record<string, RowPlan>;

/** A row of the table. */
export type RowName = keyof typeof ROWS;

/** The base row of the ratios: the minimum that a server for this API must do. */
export const BASE = 'node:http, body parsed' satisfies RowName;

/** The rows of a run. */
export function rowNames(isQuick: boolean): RowName[] {
  const names = Object.keys(ROWS) as RowName[];
  return names.filter((name) => !(isQuick && ROWS[name].isFullOnly));
}

/** A server that sends one fixed completion. */
function fixed(file: string): RowPlan {
  return row({ command: () => ({ args: [scriptOf(file)] }), check: checkPeer }, 'hit, all different');
}

/** Our server with flags besides those of its engine and its index. */
function ours(flags: readonly string[] = []): RowServer {
  const command = ({ path, indexFlags }: PreparedDataset): ServerCommand => {
    const plain = verbatim(path, ['--engine', 'index', ...indexFlags, ...flags]);
    const writesLog = flags.includes('--log-level');
    return writesLog ? { ...plain, logPath: join(temporaryFolder(), 'server.log') } : plain;
  };
  return { command, check: checkScenario };
}

function row(server: RowServer, scenario: ScenarioName): RowPlan {
  return { server, scenario, isFullOnly: false };
}

function scriptOf(file: string): string {
  return fileURLToPath(new URL(`./servers/${file}.js`, import.meta.url));
}

/** Our server next to minimal ones, in the same rounds. */

import type { Figure } from '../results.js';
import { type Server, verbatim, withServer } from '../server.js';
import { ROWS, type RowName, rowNames } from './comparison-rows.js';
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
import type { Scenario, ScenarioName, Scenarios } from './scenarios.js';

export const CONNECTIONS = 32;

/** The rows of a server that started without an index, and has just begun to count tokens. */
export const UNCOUNTED = {
  'verbatim: all different, before the tokens were counted': 'hit, all different',
  'verbatim: streamed, all different, before the tokens were counted': 'hit, streamed, all different',
} as const satisfies Record<string, ScenarioName>;

/** The measurements, by row. */
export interface Comparison {
  readonly rows: ReadonlyMap<string, ComparedRow>;
  readonly figures: readonly Figure[];
}

/** The rounds of a row. */
interface ComparedRow {
  readonly rounds: readonly Measurement[];
  /** Resident memory before the first round, at its peak, and after the last one, in 1,000,000 bytes. */
  readonly memory: { readonly before: number; readonly highest: number; readonly after: number };
}

/**
 * Measures every row in every round.
 *
 * @param isQuick true to leave out `UNCOUNTED` and the rows that no goal needs
 */
export async function compareServers(
  dataset: PreparedDataset,
  scenarios: Scenarios,
  generator: LoadGenerator,
  plan: RoundPlan,
  isQuick: boolean,
): Promise<Comparison> {
  const names = rowNames(isQuick);
  const rows = new Map<string, ComparedRow>();
  const plans = [...new Set(names.map((name) => ROWS[name].server))];
  const commands = plans.map(({ command }) => command(dataset));
  await withServers(commands, async (servers) => {
    const cells = names.map((name): Cell => {
      const { server, scenario } = ROWS[name];
      return cellOf(name, servers[plans.indexOf(server)] as Server, scenarios[scenario]);
    });
    for (const [i, { scenario, server }] of cells.entries())
      await ROWS[names[i] as RowName].server.check(scenario, await server.url);
    const watches = cells.map(({ server }) => new MemoryWatch(server));
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
  if (!isQuick)
    for (const [name, scenario] of Object.entries(UNCOUNTED))
      rows.set(name, await measureUncounted(name, dataset, scenarios[scenario], generator, plan));
  const figures = [...rows].flatMap(([name, { rounds }]) => figuresOf(`comparison / ${name}`, rounds));
  return { rows, figures };
}

/** The rounds of a row; none if the run left it out. */
export function rowOf({ rows }: Comparison, name: RowName | keyof typeof UNCOUNTED): readonly Measurement[] {
  return rows.get(name)?.rounds ?? [];
}

function cellOf(name: string, server: Server, scenario: Scenario): Cell {
  return { name, server, scenario, connections: CONNECTIONS };
}

/** Each round runs on a server that has just built its index. */
async function measureUncounted(
  name: string,
  { path }: PreparedDataset,
  scenario: Scenario,
  generator: LoadGenerator,
  { rounds, seconds }: RoundPlan,
): Promise<ComparedRow> {
  const measured: Measurement[] = [];
  const memory = { before: Number.NaN, highest: Number.NaN, after: Number.NaN };
  for (let round = 1; round <= rounds; round++) {
    await withServer(verbatim(path, ['--engine', 'index', '--index-dir', 'none']), async (server) => {
      measured.push(await measureCell(generator, cellOf(name, server, scenario), seconds));
    });
  }
  return { rounds: measured, memory };
}

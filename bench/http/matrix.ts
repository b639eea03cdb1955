/** Every scenario at several numbers of connections and workers, on both engines. */

import type { Section } from '../results.js';
import { type Server, type ServerCommand, verbatim } from '../server.js';
import { median } from '../statistics.js';
import { ROWS } from './comparison-rows.js';
import { latencyColumns } from './comparison-table.js';
import { withServers } from './fleet.js';
import type { LoadGenerator } from './load-generator.js';
import { ENGINES, type MatrixCell, type MeasuredCell } from './matrix-cell.js';
import { type Cell, figuresOf, type Measurement, measureInRounds, type RoundPlan } from './measurement.js';
import type { PreparedDataset } from './prepared-dataset.js';
import { checkScenario } from './scenario-check.js';
import { SCENARIOS, type ScenarioName, type Scenarios } from './scenarios.js';

const CONNECTIONS = 32;
const WORKERS = 2;
const ALL_CONNECTIONS = [1, 32, 256];
const OTHER_WORKERS = [1, 4];
const CACHE_FLAGS = ['--cache-mb', '64'];

/** All cells of the table. */
export const FULL_MATRIX = ENGINES.flatMap((engine) =>
  SCENARIOS.flatMap((scenario): MatrixCell[] => [
    ...ALL_CONNECTIONS.map((connections) => ({ engine, scenario, workers: WORKERS, connections })),
    ...OTHER_WORKERS.map((workers) => ({ engine, scenario, workers, connections: CONNECTIONS })),
  ]),
);

/** The scenarios that aren't in the comparison, each once. */
export const QUICK_MATRIX = FULL_MATRIX.filter(
  ({ engine, scenario, workers, connections }) =>
    engine === 'index' && !isCompared(scenario) && workers === WORKERS && connections === CONNECTIONS,
);

/** Measures the cells of a matrix. All servers stay up. */
export async function measureMatrix(
  matrix: readonly MatrixCell[],
  dataset: PreparedDataset,
  scenarios: Scenarios,
  generator: LoadGenerator,
  plan: RoundPlan,
): Promise<Section> {
  const keys = [...new Set(matrix.map((cell) => serverKey(cell, scenarios)))];
  const commands = keys.map((key) => commandOf(key, dataset));
  const measured = await withServers(commands, async (servers) => {
    const cells = matrix.map((cell): Cell => {
      const server = servers[keys.indexOf(serverKey(cell, scenarios))] as Server;
      return {
        name: nameOf(cell),
        server,
        scenario: scenarios[cell.scenario],
        connections: cell.connections,
      };
    });
    for (const { scenario, server } of cells) await checkScenario(scenario, await server.url);
    return measureInRounds(generator, cells, plan, 'matrix');
  });
  const rows = matrix.map((cell, i): MeasuredCell => ({ ...cell, rounds: measured[i] ?? [] }));
  return {
    text: textOf(rows, scenarios, plan),
    figures: rows.flatMap((row) => figuresOf(`matrix / ${nameOf(row)}`, row.rounds)),
  };
}

/** The flags of a cell's server, as text. */
function serverKey({ engine, scenario, workers }: MatrixCell, scenarios: Scenarios): string {
  const cache = scenarios[scenario].isCached ? CACHE_FLAGS : [];
  return ['--engine', engine, '--workers', String(workers), ...cache].join(' ');
}

function commandOf(key: string, { path, indexFlags }: PreparedDataset): ServerCommand {
  return verbatim(path, [...key.split(' '), ...indexFlags]);
}

function nameOf({ engine, scenario, workers, connections }: MatrixCell): string {
  return `${engine} / ${scenario} / ${workers} workers / ${connections} connections`;
}

function isCompared(scenario: ScenarioName): boolean {
  return Object.values(ROWS).some((row) => row.scenario === scenario);
}

function textOf(rows: readonly MeasuredCell[], scenarios: Scenarios, { rounds, seconds }: RoundPlan): string {
  const lines = rows.map((row) => {
    const middle = (of: (measurement: Measurement) => number) => median(row.rounds.map(of));
    const rate = middle((round) => round.requestsPerSecond);
    return `| ${[
      row.engine,
      row.scenario,
      scenarios[row.scenario].bodies.meanBytes.toFixed(0),
      row.workers,
      row.connections,
      rate.toFixed(rate < 100 ? 1 : 0),
      middle((round) => round.cpuMicrosecondsPerRequest).toFixed(1),
      ...latencyColumns(row.rounds),
    ].join(' | ')} |`;
  });
  return `## Scenarios

Medians of ${rounds} interleaved rounds of ${seconds} s each. 'hit, repeated' and 'hit, streamed' have a server with a cache of 64 MB, the other
scenarios one without a cache. Where no prompt, reply or conversation is as long as the scenario's name says, the longest stand in.

| engine | scenario | request, bytes | workers | connections | requests/s | CPU µs a request | p50 ms | p97.5 ms | p99 ms | max ms |
|---|---|---|---|---|---|---|---|---|---|---|
${lines.join('\n')}
`;
}

/** What users run: different prompts, whole and streamed, from 1 to 256 connections, beside other servers. */

import type { GeneratedDataset } from '../dataset.js';
import { latencyColumns, withSpread } from '../http/comparison-table.js';
import { withServers } from '../http/fleet.js';
import type { LoadGenerator } from '../http/load-generator.js';
import { type Cell, figuresOf, measureInRounds, type RoundPlan } from '../http/measurement.js';
import { prepareDataset } from '../http/prepared-dataset.js';
import { questionsOf } from '../http/questions.js';
import { besideScenarios } from '../http/scenarios.js';
import type { HttpOptions } from '../http/section.js';
import { say } from '../progress.js';
import { figureOf, type Section } from '../results.js';
import type { Server } from '../server.js';
import { type BesideCell, besideChart } from './chart.js';
import { type BesideServer, foundServers } from './servers.js';

const CONNECTIONS = [1, 4, 16, 64, 256];
const QUICK_CONNECTIONS = [1, 64];
/** Few enough for a server that compares a request with all of them. */
const PROMPTS = 1000;
/** Long enough for a server that answers 256 streams at once, and ends none of them before the others: a round without an answer fails. */
const PLAN = { seconds: 2, firstWarmUpSeconds: 2, warmUpSeconds: 0 };
const QUICK = { seconds: 1, firstWarmUpSeconds: 1, warmUpSeconds: 0 };

/** Measures every server that is found, with every kind of request and every number of connections, in interleaved rounds. */
export async function measureBeside(
  { path, bytes }: GeneratedDataset,
  generator: LoadGenerator,
  { quick, rounds }: HttpOptions,
): Promise<Section> {
  say('reading the dataset\n');
  const questions = questionsOf(path);
  const scenarios = besideScenarios(questions, PROMPTS);
  const dataset = await prepareDataset(path);
  const { servers, missing } = await foundServers(dataset, questions.usual.slice(0, PROMPTS));
  for (const name of missing) say(`${name} is left out: it is not in PATH\n`);
  const connections = quick ? QUICK_CONNECTIONS : CONNECTIONS;
  const plan: RoundPlan = { rounds, ...(quick ? QUICK : PLAN) };
  const keys = scenarios.flatMap((scenario) =>
    connections.flatMap((count) => servers.map((server) => ({ scenario, server, connections: count }))),
  );
  const memory: number[] = [];
  const measured = await withServers(
    servers.map(({ command }) => command),
    async (running) => {
      const runningOf = (server: BesideServer) => running[servers.indexOf(server)] as Server;
      for (const server of servers) {
        const url = await runningOf(server).url;
        for (const scenario of scenarios) await server.check(scenario, url);
      }
      const cells = keys.map(
        ({ scenario, server, connections }): Cell => ({
          name: nameOf(server.name, scenario.name, connections),
          server: runningOf(server),
          scenario,
          connections,
        }),
      );
      const rounds = await measureInRounds(generator, cells, plan, 'beside other servers');
      memory.push(...running.map((server) => server.memory.residentMegabytes));
      return rounds;
    },
  );
  const cells = keys.map(
    ({ scenario, server, connections }, i): BesideCell => ({
      server: server.name,
      isStreamed: scenario.name.includes('streamed'),
      connections,
      rounds: measured[i] ?? [],
    }),
  );
  const prompts = scenarios[0]?.bodies.count ?? 0;
  return {
    text: [
      textOf(cells, missing, plan, prompts, (bytes / 1e6).toFixed(0)),
      `Resident memory after the run, MB: ${servers.map(({ name }, i) => `${name} ${memory[i]?.toFixed(0)}`).join('; ')}.\n`,
    ].join('\n'),
    figures: [
      ...keys.flatMap(({ scenario, server, connections }, i) =>
        figuresOf(`beside / ${nameOf(server.name, scenario.name, connections)}`, measured[i] ?? []),
      ),
      ...servers.flatMap(({ name }, i) =>
        figureOf(`beside / ${name} / resident memory`, 'MB', [memory[i] ?? Number.NaN]),
      ),
    ],
    charts: quick ? [] : [besideChart(cells, connections)],
  };
}

function nameOf(server: string, scenario: string, connections: number): string {
  return `${server} / ${scenario} / ${connections} connections`;
}

function textOf(
  cells: readonly BesideCell[],
  missing: readonly string[],
  { rounds, seconds }: RoundPlan,
  prompts: number,
  megabytes: string,
): string {
  const lines = cells.map(({ server, isStreamed, connections, rounds }) => {
    const columns = [
      server,
      isStreamed ? 'streamed' : 'whole',
      connections,
      withSpread(
        rounds.map(({ requestsPerSecond }) => requestsPerSecond),
        0,
      ),
      withSpread(
        rounds.map(({ cpuMicrosecondsPerRequest }) => cpuMicrosecondsPerRequest),
        1,
      ),
      ...latencyColumns(rounds),
    ];
    return `| ${columns.join(' | ')} |`;
  });
  const leftOut =
    missing.length === 0 ? '' : `\nLeft out, since PATH doesn't have them: ${missing.join(', ')}.\n`;
  return `## Whole and streamed answers, from 1 to 256 connections

${prompts} different prompts from all over a dataset of ${megabytes} MB, replies of 1.0 to 1.4 kB; verbatim has no cache. verbatim and the Map
stream a chunk a word, aimock one of 20 characters. aimock's fixtures are these prompts alone; llm-d-inference-sim knows none of them, and answers
with a sentence of its own. Medians of ${rounds} interleaved rounds of ${seconds} s, lowest and highest in parentheses. The load generator runs on the same
cores.
${leftOut}
| server | answers | connections | requests/s | CPU µs a request | p50 ms | p97.5 ms | p99 ms | max ms |
|---|---|---|---|---|---|---|---|---|
${lines.join('\n')}
`;
}

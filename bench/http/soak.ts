/** A million requests to one server: what it takes of memory must not grow with them. */

import { setTimeout as sleep } from 'node:timers/promises';
import { say } from '../progress.js';
import { figureOf, type Section } from '../results.js';
import { verbatim, withServer } from '../server.js';
import type { LoadGenerator } from './load-generator.js';
import { MemoryWatch } from './memory-watch.js';
import type { PreparedDataset } from './prepared-dataset.js';
import { checkScenario } from './scenario-check.js';
import type { Scenario } from './scenarios.js';

const CONNECTIONS = 32;
const REQUESTS = 1_000_000;
/** From here on nothing should grow: code is compiled, and the cache is full. */
const SETTLED_REQUESTS = 100_000;
const RUN_SECONDS = 5;
/** How long the server is left alone before its memory counts: pages go back to the system. */
const SETTLE_MS = 2000;

/** What became of the memory. */
export interface Soak extends Section {
  /** From the hundred-thousandth request to the last, in percent. */
  readonly growthPercent: number;
}

/** @param scenario has more prompts than the cache holds */
export async function soak(
  { path, indexFlags }: PreparedDataset,
  scenario: Scenario,
  generator: LoadGenerator,
): Promise<Soak> {
  const command = verbatim(path, ['--engine', 'index', ...indexFlags, '--cache-mb', '64']);
  return withServer(command, async (server) => {
    const url = await server.url;
    await checkScenario(scenario, url);
    const watch = new MemoryWatch(server);
    const { bodies, expectedStatus } = scenario;
    let requests = 0;
    const askUntil = async (count: number): Promise<number> => {
      while (requests < count) {
        say(`soak: ${requests} of ${REQUESTS} requests\n`);
        const target = { url: `${url}${scenario.path}`, bodies, connections: CONNECTIONS, expectedStatus };
        const load = await generator.run({ ...target, first: requests % bodies.count, seconds: RUN_SECONDS });
        requests += load.requests;
      }
      await sleep(SETTLE_MS);
      return watch.nowMegabytes;
    };
    const settled = await askUntil(SETTLED_REQUESTS);
    const after = await askUntil(REQUESTS);
    watch.stop();
    return reportOf(watch.beforeMegabytes, watch.highestMegabytes, settled, after, bodies.count, requests);
  });
}

function reportOf(
  before: number,
  highest: number,
  settled: number,
  after: number,
  prompts: number,
  requests: number,
): Soak {
  const growthPercent = (after / settled - 1) * 100;
  const megabytes = { before, 'after 100,000 requests': settled, 'after all': after, highest };
  return {
    text: `## Memory

${requests} requests for ${prompts} different prompts, ${CONNECTIONS} connections, a cache of 64 MB; resident memory in MB.

| before | after 100,000 requests | after all | highest | growth after the first 100,000 |
|---|---|---|---|---|
| ${[before, settled, after, highest].map((value) => value.toFixed(0)).join(' | ')} | ${growthPercent.toFixed(1)} % |
`,
    figures: [
      ...Object.entries(megabytes).flatMap(([name, value]) => figureOf(`memory / ${name}`, 'MB', [value])),
      ...figureOf('memory / growth', '%', [growthPercent]),
    ],
    growthPercent,
  };
}

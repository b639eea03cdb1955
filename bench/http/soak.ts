/** A million requests to one server: its memory must not grow with them. */

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
/** From here on memory should be stable: code is compiled, and the cache is full. */
const SETTLED_REQUESTS = 100_000;
/**
 * Memory rises and falls between two garbage collections. So the benchmark compares peaks over this number of requests: those after memory
 * had settled, and the last ones.
 */
const COMPARED_REQUESTS = 300_000;
const RUN_SECONDS = 5;

/** The memory figures. */
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
    /** Returns the memory peak during the requests. */
    const askUntil = async (count: number): Promise<number> => {
      while (requests < count) {
        say(`soak: ${requests} of ${REQUESTS} requests\n`);
        const target = { url: `${url}${scenario.path}`, bodies, connections: CONNECTIONS, expectedStatus };
        const load = await generator.run({ ...target, first: requests % bodies.count, seconds: RUN_SECONDS });
        requests += load.requests;
      }
      return watch.takeHighest();
    };
    const filling = await askUntil(SETTLED_REQUESTS);
    const settled = await askUntil(SETTLED_REQUESTS + COMPARED_REQUESTS);
    const between = await askUntil(REQUESTS - COMPARED_REQUESTS);
    const last = await askUntil(REQUESTS);
    watch.stop();
    const highest = Math.max(filling, settled, between, last);
    return reportOf(watch.beforeMegabytes, highest, settled, last, bodies.count, requests);
  });
}

function reportOf(
  before: number,
  highest: number,
  settled: number,
  last: number,
  prompts: number,
  requests: number,
): Soak {
  const growthPercent = (last / settled - 1) * 100;
  const megabytes = { before, 'after 100,000 requests': settled, 'of the last': last, highest };
  return {
    text: `## Memory

${requests} requests for ${prompts} different prompts, ${CONNECTIONS} connections, a cache of 64 MB; resident memory in MB, which goes
up and down between two collections of garbage: so each is the highest within 300,000 requests.

| before | after the first 100,000 requests | the last ones | highest of all | growth |
|---|---|---|---|---|
| ${[before, settled, last, highest].map((value) => value.toFixed(0)).join(' | ')} | ${growthPercent.toFixed(1)} % |
`,
    figures: [
      ...Object.entries(megabytes).flatMap(([name, value]) => figureOf(`memory / ${name}`, 'MB', [value])),
      ...figureOf('memory / growth', '%', [growthPercent]),
    ],
    growthPercent,
  };
}

/** What one build needs to start, to index a dataset and to count its tokens, and for a request. */

import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../cleanup.js';
import { flagsOf, measureFirstAnswer } from '../engine/figures.js';
import { withServers } from '../http/fleet.js';
import type { LoadGenerator } from '../http/load-generator.js';
import { type Cell, measureInRounds, type RoundPlan } from '../http/measurement.js';
import { checkScenario } from '../http/scenario-check.js';
import type { ScenarioName, Scenarios } from '../http/scenarios.js';
import { type Server, verbatim, withServer } from '../server.js';

/** A build whose index of the dataset is saved, with all tokens counted. */
export interface MeasuredBuild {
  /** The script that starts its server; undefined for that of this tree. */
  readonly main: string | undefined;
  readonly indexDir: string;
}

/** Seconds count from the start of the process. */
export interface IndexFigures {
  readonly indexSeconds: number;
  readonly countedSeconds: number;
  /** Once all is counted, and the highest until then, in 1,000,000 bytes. */
  readonly residentMegabytes: number;
  readonly peakMegabytes: number;
}

/** From the start of a server's process until the answer to its first request has arrived. */
export interface StartFigures {
  readonly unsavedSeconds: number;
  readonly savedSeconds: number;
  /** CPU time of a server with a dataset of some kilobytes. */
  readonly sampleMicroseconds: number;
}

/** The kinds of requests that are compared. All but the first are different prompts, of a server without a cache. */
export const COMPARED = [
  'hit, repeated',
  'hit, all different',
  'miss',
  'hit, streamed, all different',
  '16-turn conversation',
  '20 kB prompt',
] as const satisfies ScenarioName[];

/** The kind that a server gets from its first second on. */
const FIRST_KIND: ScenarioName = 'hit, all different';
const CONNECTIONS = 32;
const WARM: RoundPlan = { rounds: 1, seconds: 3, firstWarmUpSeconds: 2, warmUpSeconds: 0 };
const COLD: RoundPlan = { ...WARM, firstWarmUpSeconds: 0 };
/** Threads exit, and pages go back to the system. */
const SETTLE_MS = 2000;
const SAMPLE = fileURLToPath(new URL('../../../data/sample.json', import.meta.url));
const SAMPLE_PROMPT = 'What is a mock server good for?';

/** Indexes a dataset into a folder, and counts its tokens. */
export function measureIndex(path: string, { main, indexDir }: MeasuredBuild): Promise<IndexFigures> {
  const command = verbatim(path, [...flagsOf('index', indexDir), '--log-level', 'info'], main);
  return withServer(command, async (server) => {
    await server.printed(/index ready/);
    const indexSeconds = server.seconds;
    await server.printed(/tokens (?:are )?counted/);
    const countedSeconds = server.seconds;
    await sleep(SETTLE_MS);
    return { indexSeconds, countedSeconds, ...server.memory };
  });
}

/** Starts servers without an index, with a saved one, and with a short dataset. */
export async function measureStarts(
  path: string,
  prompt: string,
  build: MeasuredBuild,
): Promise<StartFigures> {
  const { main, indexDir } = build;
  return {
    unsavedSeconds: await measureFirstAnswer(path, prompt, 'none', main),
    savedSeconds: await measureFirstAnswer(path, prompt, indexDir, main),
    sampleMicroseconds: await withServer(verbatim(SAMPLE, ['--index-dir', 'none'], main), async (server) => {
      await server.ask(SAMPLE_PROMPT, 200);
      return server.cpuMicroseconds;
    }),
  };
}

/**
 * CPU a request in microseconds, of all threads, of a server that has just started: none of its tokens is counted, or all are.
 */
export async function measureFresh(
  path: string,
  { main, indexDir }: MeasuredBuild,
  areCounted: boolean,
  generator: LoadGenerator,
  scenarios: Scenarios,
): Promise<number> {
  const command = verbatim(path, flagsOf('index', areCounted ? indexDir : 'none'), main);
  const scenario = scenarios[FIRST_KIND];
  return withServer(command, async (server) => {
    const cell = { name: FIRST_KIND, server, scenario, connections: CONNECTIONS };
    const [rounds] = await measureInRounds(generator, [cell], COLD, 'a server that has just started');
    return rounds?.[0]?.cpuMicrosecondsPerRequest ?? Number.NaN;
  });
}

/** CPU a request in microseconds, by kind in the order of `COMPARED`, and for each kind in the order of the builds. */
export function measureRequests(
  path: string,
  builds: readonly MeasuredBuild[],
  generator: LoadGenerator,
  scenarios: Scenarios,
): Promise<number[][]> {
  const commands = builds.flatMap(({ main, indexDir }) => {
    const flags = flagsOf('index', indexDir);
    return [verbatim(path, flags, main), verbatim(path, [...flags, '--cache-mb', '64'], main)];
  });
  return withServers(commands, async (servers) => {
    const cells = COMPARED.flatMap((name) => {
      const scenario = scenarios[name];
      return builds.map((_, i): Cell => {
        const server = servers[2 * i + Number(scenario.isCached)] as Server;
        return { name, server, scenario, connections: CONNECTIONS };
      });
    });
    for (const { scenario, server } of cells) await checkScenario(scenario, await server.url);
    const measured = await measureInRounds(generator, cells, WARM, 'requests');
    const costs = measured.map(([round]) => round?.cpuMicrosecondsPerRequest ?? Number.NaN);
    return COMPARED.map((_, i) => costs.slice(i * builds.length, (i + 1) * builds.length));
  });
}

/** A folder for the index of a build. */
export function measuredBuild(main: string | undefined): MeasuredBuild {
  return { main, indexDir: temporaryFolder() };
}

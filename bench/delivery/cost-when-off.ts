/** What a request costs while no delay and no failure is set, over the build before they existed. */

import { execFileSync } from 'node:child_process';
import { generatedDataset } from '../dataset.js';
import { buildOf, commitOf, serversOf } from '../http/commit.js';
import { withServers } from '../http/fleet.js';
import type { LoadGenerator } from '../http/load-generator.js';
import { type Cell, type Measurement, measureInRounds } from '../http/measurement.js';
import { questionsOf } from '../http/questions.js';
import { checkScenario } from '../http/scenario-check.js';
import { type ScenarioName, type Scenarios, scenariosOf } from '../http/scenarios.js';
import type { Server } from '../server.js';
import { UsageError } from '../usage-error.js';

/** The kinds of requests that are compared. */
export const COMPARED = [
  'hit, repeated',
  'hit, all different',
  'hit, streamed',
] as const satisfies ScenarioName[];

/** The costs of one kind of request, in µs of CPU, by round. */
export interface Costs {
  readonly before: readonly number[];
  readonly now: readonly number[];
}

const SIZE_MEGABYTES = 10;
const CONNECTIONS = 32;
const PLAN = { rounds: 1, seconds: 2, firstWarmUpSeconds: 1, warmUpSeconds: 0 };
/** The folder that came with delays and failures. */
const FOLDER = 'src/delivery';

/**
 * The commit to compare with.
 *
 * @param name undefined for the last commit without delays and failures
 * @throws UsageError if it doesn't exist
 */
export function commitBefore(name: string | undefined): string {
  const commit = commitOf(name ?? `${firstCommitOf(FOLDER)}^`);
  if (commit === undefined)
    throw new UsageError(`--before: expected a commit, got ${name === undefined ? 'nothing' : `'${name}'`}`);
  return commit;
}

/**
 * Measures a commit beside the build of this tree. Each round starts new servers: two processes of the same build differ by more than the
 * goal, since their memory is laid out differently.
 *
 * @returns the costs of each kind of request, in the order of `COMPARED`
 */
export async function measureCostWhenOff(
  commit: string,
  generator: LoadGenerator,
  rounds: number,
): Promise<Costs[]> {
  const { path } = await generatedDataset(SIZE_MEGABYTES);
  const scenarios = scenariosOf(questionsOf(path));
  const commands = [...(await serversOf(path, buildOf(commit))), ...(await serversOf(path))];
  const costs = COMPARED.map(() => ({ before: [] as number[], now: [] as number[] }));
  for (let round = 1; round <= rounds; round++) {
    const title = `nothing set, servers ${round} of ${rounds}`;
    const measured = await withServers(commands, (servers) =>
      measureRound(generator, servers, scenarios, title),
    );
    for (const [i, { before, now }] of costs.entries()) {
      before.push(costOf(measured[2 * i]));
      now.push(costOf(measured[2 * i + 1]));
    }
  }
  return costs;
}

/** Measures all kinds, each before and now in succession. */
async function measureRound(
  generator: LoadGenerator,
  servers: readonly Server[],
  scenarios: Scenarios,
  title: string,
): Promise<Measurement[][]> {
  const cells = COMPARED.flatMap((name): Cell[] => {
    const scenario = scenarios[name];
    // A pair of servers for each build: without a cache and with one.
    const of = (build: number) => servers[2 * build + (scenario.isCached ? 1 : 0)] as Server;
    return [0, 1].map((build) => ({ name, server: of(build), scenario, connections: CONNECTIONS }));
  });
  for (const { scenario, server } of cells) await checkScenario(scenario, await server.url);
  return measureInRounds(generator, cells, PLAN, title);
}

function costOf(rounds: readonly Measurement[] | undefined): number {
  return rounds?.[0]?.cpuMicrosecondsPerRequest ?? Number.NaN;
}

/** The commit that added the first file of a folder; empty if it isn't known. */
function firstCommitOf(folder: string): string {
  try {
    const args = ['log', '--format=%H', '--diff-filter=A', '--', folder];
    const commits = execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return commits.trim().split('\n').at(-1) ?? '';
  } catch {
    return '';
  }
}

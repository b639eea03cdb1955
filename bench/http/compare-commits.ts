/** Two commits, each built in a worktree of its own, measured by the driver of this tree in interleaved rounds. */

import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { circumstancesOf } from '../circumstances.js';
import { atExit, temporaryFolder } from '../cleanup.js';
import { generatedDataset } from '../dataset.js';
import type { CompareOptions } from '../options.js';
import { say } from '../progress.js';
import type { Results } from '../results.js';
import { type Server, verbatim, withServer } from '../server.js';
import { UsageError } from '../usage-error.js';
import { withServers } from './fleet.js';
import { generatorOf } from './generators.js';
import { type Cell, figuresOf, measureInRounds } from './measurement.js';
import { questionsOf } from './questions.js';
import { checkScenario } from './scenario-check.js';
import { SCENARIOS, scenariosOf } from './scenarios.js';

const CONNECTIONS = 32;
const PLAN = { seconds: 2, firstWarmUpSeconds: 2, warmUpSeconds: 0 };
/** A server that takes less than this share of a core for so long has nothing left to count. */
const IDLE_SHARE = 0.05;
const IDLE_SECONDS = 4;

/** Measures both; the results of each, as far as they tell. */
export async function compareCommits(options: CompareOptions): Promise<[Results, Results]> {
  const { before, after, sizeMegabytes, rounds } = options;
  const commits = [commitOf(before), commitOf(after)];
  const generator = generatorOf(options.generator);
  const { path } = await generatedDataset(sizeMegabytes);
  const scenarios = Object.values(scenariosOf(questionsOf(path)));
  const mains = commits.map(buildOf);
  const commands = [];
  for (const main of mains) {
    const flags = ['--engine', 'index', '--index-dir', temporaryFolder()];
    await withServer(verbatim(path, flags, main), untilIdle);
    commands.push(verbatim(path, flags, main), verbatim(path, [...flags, '--cache-mb', '64'], main));
  }
  const measured = await withServers(commands, async (servers) => {
    // Both answer one scenario before both answer the next: what is compared is measured at nearly the same time.
    const cells = scenarios.flatMap((scenario) =>
      commits.map((commit, i): Cell => {
        const server = servers[2 * i + (scenario.isCached ? 1 : 0)] as Server;
        return { name: commit, server, scenario, connections: CONNECTIONS };
      }),
    );
    for (const { scenario, server } of cells) await checkScenario(scenario, await server.url);
    return measureInRounds(generator, cells, { ...PLAN, rounds }, 'commits');
  });
  const resultsOf = (i: number): Results => ({
    version: 1,
    circumstances: { ...circumstancesOf([], generator.description), commit: commits[i] ?? '' },
    figures: SCENARIOS.flatMap((name, scenario) => figuresOf(name, measured[2 * scenario + i] ?? [])),
  });
  return [resultsOf(0), resultsOf(1)];
}

/** @throws UsageError if there is no such commit */
function commitOf(name: string): string {
  try {
    const args = ['rev-parse', '--verify', '--quiet', '--short', '--end-of-options', `${name}^{commit}`];
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    throw new UsageError(`compare: expected two commits or two results files, and '${name}' is neither`);
  }
}

/** Builds a commit; returns the script that starts its server. */
function buildOf(commit: string): string {
  const tree = join(temporaryFolder(), commit);
  say(`building ${commit}\n`);
  run('git', ['worktree', 'add', '--detach', '--quiet', tree, commit], process.cwd());
  atExit(() => spawnSync('git', ['worktree', 'remove', '--force', tree]));
  run('npm', ['ci', '--no-audit', '--no-fund', '--silent'], tree);
  run('npm', ['run', 'build', '--silent'], tree);
  return join(tree, 'dist/cli/main.js');
}

function run(program: string, args: readonly string[], cwd: string): void {
  execFileSync(program, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Waits until a server has counted its tokens. Not every commit says so in its log; but each is idle after that. */
async function untilIdle(server: Server): Promise<void> {
  await server.url;
  let idleSeconds = 0;
  while (idleSeconds < IDLE_SECONDS) {
    const before = server.cpuMicroseconds;
    await sleep(1000);
    const share = (server.cpuMicroseconds - before) / 1e6;
    // Where the system doesn't tell, the share is not a number, and this goes on for its time and no longer.
    idleSeconds = share >= IDLE_SHARE ? 0 : idleSeconds + 1;
  }
}

/**
 * Two commits, each built in its own worktree, measured by the driver of this tree in interleaved rounds. The server that is the base of
 * the goals' ratios is measured in each round, too.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { circumstancesOf } from '../circumstances.js';
import { atExit, temporaryFolder } from '../cleanup.js';
import { generatedDataset } from '../dataset.js';
import type { CompareOptions } from '../options.js';
import { say } from '../progress.js';
import type { Results } from '../results.js';
import { type Server, type ServerCommand, verbatim, withServer } from '../server.js';
import { UsageError } from '../usage-error.js';
import { BASE, ROWS } from './comparison-rows.js';
import { cpuGoalFigures } from './cpu-goals.js';
import { withServers } from './fleet.js';
import { generatorOf } from './generators.js';
import { type Cell, figuresOf, measureInRounds } from './measurement.js';
import { questionsOf } from './questions.js';
import { checkScenario } from './scenario-check.js';
import { SCENARIOS, type Scenario, type ScenarioName, scenariosOf } from './scenarios.js';

const CONNECTIONS = 32;
const PLAN = { seconds: 2, firstWarmUpSeconds: 2, warmUpSeconds: 0 };
/** A server that uses less than this share of a core for this long has finished counting. */
const IDLE_SHARE = 0.05;
const IDLE_SECONDS = 4;

/** Measures all scenarios on both commits; returns the results of each, with its ratios to `BASE`. */
export async function compareCommits(options: CompareOptions): Promise<[Results, Results]> {
  const { before, after, sizeMegabytes, rounds } = options;
  const commits = [commitOf(before), commitOf(after)];
  const generator = generatorOf(options.generator);
  const { path } = await generatedDataset(sizeMegabytes);
  const scenarios = scenariosOf(questionsOf(path));
  const commands = [ROWS[BASE].server.command({ path, indexFlags: [] })];
  for (const main of commits.map(buildOf)) commands.push(...(await commandsOf(path, main)));
  const [base = [], ...measured] = await withServers(commands, async ([peer, ...servers]) => {
    const baseCell = cellOf(BASE, peer as Server, scenarios[ROWS[BASE].scenario]);
    // Measures both commits on one scenario before the next: less time passes between the two.
    const cells = SCENARIOS.flatMap((name) =>
      commits.map((commit, i) => {
        const scenario = scenarios[name];
        return cellOf(commit, servers[2 * i + (scenario.isCached ? 1 : 0)] as Server, scenario);
      }),
    );
    await ROWS[BASE].server.check(baseCell.scenario, await baseCell.server.url);
    for (const { scenario, server } of cells) await checkScenario(scenario, await server.url);
    return measureInRounds(generator, [baseCell, ...cells], { ...PLAN, rounds }, 'commits');
  });
  const resultsOf = (i: number): Results => {
    const roundsOf = (name: ScenarioName) => measured[2 * SCENARIOS.indexOf(name) + i] ?? [];
    const ratios = cpuGoalFigures((row) => (row === BASE ? base : roundsOf(ROWS[row].scenario)));
    return {
      version: 1,
      circumstances: { ...circumstancesOf([], generator.description), commit: commits[i] ?? '' },
      figures: [...SCENARIOS.flatMap((name) => figuresOf(name, roundsOf(name))), ...ratios],
    };
  };
  return [resultsOf(0), resultsOf(1)];
}

/** Builds the index of a build, with its tokens counted; returns the servers without and with a cache. */
async function commandsOf(path: string, main: string): Promise<ServerCommand[]> {
  const flags = ['--engine', 'index', '--index-dir', temporaryFolder()];
  await withServer(verbatim(path, flags, main), untilIdle);
  return [verbatim(path, flags, main), verbatim(path, [...flags, '--cache-mb', '64'], main)];
}

function cellOf(name: string, server: Server, scenario: Scenario): Cell {
  return { name, server, scenario, connections: CONNECTIONS };
}

/** @throws UsageError if the commit doesn't exist */
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

/** Waits until a server has counted its tokens. Not every commit logs that, but each is idle afterwards. */
async function untilIdle(server: Server): Promise<void> {
  await server.url;
  let idleSeconds = 0;
  while (idleSeconds < IDLE_SECONDS) {
    const before = server.cpuMicroseconds;
    await sleep(1000);
    const share = (server.cpuMicroseconds - before) / 1e6;
    // If the system doesn't report CPU time, the share is NaN and this loop runs until its time limit.
    idleSeconds = share >= IDLE_SHARE ? 0 : idleSeconds + 1;
  }
}

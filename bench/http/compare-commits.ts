/**
 * Two commits, each built in its own worktree, measured by the driver of this tree in interleaved rounds. The server that is the base of
 * the goals' ratios is measured in each round, too.
 */

import { circumstancesOf } from '../circumstances.js';
import { generatedDataset } from '../dataset.js';
import type { CompareOptions } from '../options.js';
import type { Results } from '../results.js';
import type { Server } from '../server.js';
import { UsageError } from '../usage-error.js';
import { buildOf, commitOf, serversOf } from './commit.js';
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

/** Measures all scenarios on both commits; returns the results of each, with its ratios to `BASE`. */
export async function compareCommits(options: CompareOptions): Promise<[Results, Results]> {
  const { before, after, sizeMegabytes, rounds } = options;
  const commits = [before, after].map(knownCommitOf);
  const generator = generatorOf(options.generator);
  const { path } = await generatedDataset(sizeMegabytes);
  const scenarios = scenariosOf(questionsOf(path));
  const commands = [ROWS[BASE].server.command({ path, indexFlags: [] })];
  for (const main of commits.map(buildOf)) commands.push(...(await serversOf(path, main)));
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

function cellOf(name: string, server: Server, scenario: Scenario): Cell {
  return { name, server, scenario, connections: CONNECTIONS };
}

/** @throws UsageError if the commit doesn't exist */
function knownCommitOf(name: string): string {
  const commit = commitOf(name);
  if (commit === undefined)
    throw new UsageError(`compare: expected two commits or two results files, and '${name}' is neither`);
  return commit;
}

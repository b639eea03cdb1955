/** The same number of questions for datasets of other sizes: the cost of a request must not depend on the size. */

import { generatedDataset } from '../dataset.js';
import { type Figure, figureOf, type Section } from '../results.js';
import { type Server, verbatim } from '../server.js';
import { median, ratios } from '../statistics.js';
import { sizesChart } from './charts.js';
import { withSpread } from './comparison-table.js';
import { withServers } from './fleet.js';
import type { LoadGenerator } from './load-generator.js';
import { type Cell, figuresOf, measureInRounds, type RoundPlan } from './measurement.js';
import { type PreparedDataset, prepareDataset } from './prepared-dataset.js';
import { questionsOf } from './questions.js';
import { checkScenario } from './scenario-check.js';
import { type Scenario, shortScenario } from './scenarios.js';

const SIZES_MEGABYTES = [10, 100, 678, 2712];
const CONNECTIONS = 32;
/** The same number from each, across the file. With more, less of what a lookup touches fits in the processor's caches. */
const PROMPTS = 1000;

/** The series, and the figure that its goal applies to. */
export interface SizeSeries extends Section {
  /** The rate of the largest dataset divided by that of the smallest, per round. */
  readonly largestOverSmallest: readonly number[];
}

interface SizedDataset {
  readonly megabytes: number;
  readonly scenario: Scenario;
  readonly dataset: PreparedDataset;
}

/** Measures hits of different prompts without a cache. */
export async function measureSizes(generator: LoadGenerator, plan: RoundPlan): Promise<SizeSeries> {
  const datasets: SizedDataset[] = [];
  for (const megabytes of SIZES_MEGABYTES) {
    const { path } = await generatedDataset(megabytes);
    const scenario = shortScenario(questionsOf(path), PROMPTS);
    datasets.push({ megabytes, scenario, dataset: await prepareDataset(path) });
  }
  const commands = datasets.map(({ dataset: { path, indexFlags } }) =>
    verbatim(path, ['--engine', 'index', ...indexFlags]),
  );
  const measured = await withServers(commands, async (servers) => {
    const cells = datasets.map(({ megabytes, scenario }, i): Cell => {
      return { name: `${megabytes} MB`, server: servers[i] as Server, scenario, connections: CONNECTIONS };
    });
    for (const { scenario, server } of cells) await checkScenario(scenario, await server.url);
    return measureInRounds(generator, cells, plan, 'sizes');
  });
  const rates = measured.map((rounds) => rounds.map((round) => round.requestsPerSecond));
  const smallest = rates[0] ?? [];
  const lines = datasets.map(({ megabytes, scenario }, i) => {
    const own = rates[i] ?? [];
    const columns = [
      megabytes,
      scenario.bodies.count,
      withSpread(own, 0),
      withSpread(ratios(own, smallest), 2),
    ];
    return `| ${columns.join(' | ')} |`;
  });
  const largestOverSmallest = ratios(rates.at(-1) ?? [], smallest);
  const figures: Figure[] = datasets.flatMap(({ megabytes }, i) =>
    figuresOf(`sizes / ${megabytes} MB`, measured[i] ?? []),
  );
  return {
    text: `## Dataset sizes

Hits, ${PROMPTS} different prompts from all over the file, no cache, ${CONNECTIONS} connections; medians of ${plan.rounds} interleaved rounds; the
ratio is to the smallest, in the same round.

| dataset, MB | prompts | requests/s | ratio |
|---|---|---|---|
${lines.join('\n')}
`,
    figures: [...figures, ...figureOf('sizes / largest over smallest', '×', largestOverSmallest)],
    charts: [sizesChart(SIZES_MEGABYTES, rates.map(median))],
    largestOverSmallest,
  };
}

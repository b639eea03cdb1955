/** How exactly streams are sent on time, at which cost, and at which cost when nothing is set. */

import { fileURLToPath } from 'node:url';
import type { LoadGenerator } from '../http/load-generator.js';
import type { PreparedDataset } from '../http/prepared-dataset.js';
import { say } from '../progress.js';
import type { Section } from '../results.js';
import { type Server, verbatim, withServer } from '../server.js';
import { checkStreams } from './check-streams.js';
import { COMPARED, commitBefore, measureCostWhenOff } from './cost-when-off.js';
import { preparePrompts, type RecordedPrompt, recordedPrompts, streamRequest } from './prompts.js';
import { type DeliveryRuns, deliverySection, isHeld, type Level } from './report.js';
import { measureSeeded } from './seeded.js';
import type { StreamsRun } from './stream-client.js';
import { GAP_MS, readStreams, TIME_FLAGS, TIME_TO_FIRST_MS } from './streams.js';

/** The duration of the measurements. */
export interface DeliveryOptions {
  readonly quick: boolean;
  readonly rounds: number;
  /** The commit to compare with; undefined for the last one without delays. */
  readonly before: string | undefined;
}

/** The streams at once for which there are goals of their own. */
const STREAMS = 500;
/** Tried in turn until one fails. */
const LEVELS = [500, 1000, 2000, 3000, 4000, 5000];
/** Streams that are cut at this length show the time to the first token more often. */
const SHORT_TOKENS = 27;
/** About as long as the mean stream: at any time as many begin as end. */
const RAMP_MS = 3500;
const FULL = {
  oneSeconds: 30,
  manySeconds: 20,
  bareSeconds: 8,
  bareLevels: [STREAMS, 1000, 2000],
  levelSeconds: 6,
  levels: LEVELS,
  seeded: 300,
};
const QUICK = {
  oneSeconds: 8,
  manySeconds: 8,
  bareSeconds: 4,
  bareLevels: [STREAMS, 2000],
  levelSeconds: 4,
  levels: [2000],
  seeded: 100,
};
/** The least, for a ratio whose goal is 2 percent. */
const ROUNDS_MIN = 5;
const CHECKED = 20;

type Durations = typeof FULL;

/** Measures in the order of the table. A quick run leaves out the comparison with the commit before, which has to be built. */
export async function measureDelivery(
  generator: LoadGenerator,
  { quick, rounds, before }: DeliveryOptions,
): Promise<Section> {
  const commit = quick ? undefined : commitBefore(before);
  const durations = quick ? QUICK : FULL;
  const prompts = recordedPrompts();
  const dataset = await preparePrompts(prompts);
  const streams = await measureStreams(dataset, prompts, durations);
  const bare = await measureBare(streams.many.run, durations);
  const seeded = await measureSeeded(dataset, prompts.slice(0, durations.seeded));
  const costs =
    commit === undefined
      ? undefined
      : {
          commit,
          kinds: COMPARED,
          costs: await measureCostWhenOff(commit, generator, Math.max(ROUNDS_MIN, rounds)),
        };
  return deliverySection({ ...streams, bare, seeded, costs });
}

/** One stream, and more and more of them, on one server. */
async function measureStreams(
  { path, indexFlags }: PreparedDataset,
  prompts: readonly RecordedPrompt[],
  { oneSeconds, manySeconds, levelSeconds, levels }: Durations,
): Promise<Pick<DeliveryRuns, 'one' | 'many' | 'levels'>> {
  const requests = prompts.map((prompt) => streamRequest(prompt));
  const short = prompts.map((prompt) => streamRequest(prompt, SHORT_TOKENS));
  const command = verbatim(path, ['--engine', 'index', ...indexFlags, ...TIME_FLAGS]);
  return withServer(command, async (server) => {
    await checkStreams(await server.url, shortest(prompts));
    say('one stream after the other\n');
    const onePlan = { requests: short, connections: 1, rampMs: 0, seconds: oneSeconds };
    const one = await readStreams(server, onePlan);
    const many = await levelOf(server, requests, STREAMS, manySeconds);
    const measured: Level[] = [];
    for (const connections of levels) {
      const first = await levelOf(server, requests, connections, levelSeconds);
      // A pause of the machine would fail a level that the server holds.
      const level = isHeld(first) ? first : await levelOf(server, requests, connections, levelSeconds);
      measured.push(level);
      if (!isHeld(level)) break;
    }
    return { one, many, levels: measured };
  });
}

async function levelOf(
  server: Server,
  requests: readonly Uint8Array[],
  connections: number,
  seconds: number,
): Promise<Level> {
  say(`${connections} streams\n`);
  return { connections, run: await readStreams(server, { requests, connections, rampMs: RAMP_MS, seconds }) };
}

/** The bare server, whose streams have as many chunks as ours had on average, and as many bytes in each. */
async function measureBare(
  { bytes, tokens, first }: StreamsRun,
  { bareSeconds, bareLevels }: Durations,
): Promise<Level[]> {
  const script = fileURLToPath(new URL('./servers/bare-net.js', import.meta.url));
  const sizes = [Math.round(bytes / tokens), Math.round(tokens / first.count)];
  const args = [script, ...sizes.map(String), String(TIME_TO_FIRST_MS), String(GAP_MS)];
  return withServer({ args }, async (server) => {
    const levels: Level[] = [];
    for (const connections of bareLevels) {
      say('bare server: ');
      levels.push(await levelOf(server, [Buffer.from('.')], connections, bareSeconds));
    }
    return levels;
  });
}

/** The prompts with the shortest replies: their check is over soon. */
function shortest(prompts: readonly RecordedPrompt[]): RecordedPrompt[] {
  return [...prompts].sort((a, b) => a.reply.length - b.reply.length).slice(0, CHECKED);
}

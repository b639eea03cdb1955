/** Whether two servers with the same seed delay and fail the same requests in the same way. */

import { Agent, type IncomingMessage, request } from 'node:http';
import { withServers } from '../http/fleet.js';
import type { PreparedDataset } from '../http/prepared-dataset.js';
import { say } from '../progress.js';
import { type Server, verbatim } from '../server.js';
import type { RecordedPrompt } from './prompts.js';

/** What differs between two servers. */
export interface SeededRun {
  /** Requests whose status, number of content chunks or end differs. */
  readonly failures: number;
  /** Content chunks that came at another time after the request, in each pass. */
  readonly delays: number;
  /** Both, between servers with different seeds: what this measurement sees. */
  readonly otherSeed: { readonly failures: number; readonly delays: number };
  readonly requests: number;
  /** Content chunks that were compared. */
  readonly chunks: number;
}

/** What came of a request. */
interface Outcome {
  /** The status, and how the answer ended. */
  readonly end: string;
  /** When each content chunk came, in ms after the request. */
  readonly chunksMs: readonly number[];
}

/** Times that are closer than this are the same: delays that are drawn differently are 10 ms apart in the mean. */
const TOLERANCE_MS = 5;
/** The most that are made, if delays differ. */
export const SEEDED_PASSES = 4;
const TOKENS = 5;
const SEED_FLAGS = [
  ...['--time-to-first-token', '30', '--time-to-first-token-std-dev', '15'],
  ...['--inter-token-latency', '15', '--inter-token-latency-std-dev', '10'],
  ...['--fail-rate', '0.2', '--fail-types', '429,503,cut@2'],
];
const SEEDS = [1, 1, 2];
const NEEDLE = '"delta":{"content":"';

/**
 * Sends the same requests, one after the other, to two servers with the same seed and to one with another. A chunk that is late because the
 * machine paused is late once only: while any delays differ they are measured again, and those that differ each time are counted.
 */
export async function measureSeeded(
  { path, indexFlags }: PreparedDataset,
  prompts: readonly RecordedPrompt[],
): Promise<SeededRun> {
  say('the same seed twice\n');
  const commands = SEEDS.map((seed) =>
    verbatim(path, ['--engine', 'index', ...indexFlags, ...SEED_FLAGS, '--seed', String(seed)]),
  );
  const pass = () =>
    withServers(commands, (servers) => Promise.all(servers.map((each) => askAll(each, prompts))));
  const [one = [], same = [], other = []] = await pass();
  let delays = differentDelays(one, same);
  for (let i = 1; i < SEEDED_PASSES && delays.length > 0; i++) {
    const [first = [], second = []] = await pass();
    const again = new Set(differentDelays(first, second));
    delays = delays.filter((chunk) => again.has(chunk));
  }
  return {
    failures: differentFailures(one, same),
    delays: delays.length,
    otherSeed: { failures: differentFailures(one, other), delays: differentDelays(one, other).length },
    requests: prompts.length,
    chunks: one.reduce((sum, { chunksMs }) => sum + chunksMs.length, 0),
  };
}

function differentFailures(some: readonly Outcome[], others: readonly Outcome[]): number {
  return some.filter(
    ({ end, chunksMs }, i) => end !== others[i]?.end || chunksMs.length !== others[i].chunksMs.length,
  ).length;
}

/** The chunks, as `REQUEST/CHUNK`, that both servers sent, at different times. */
function differentDelays(some: readonly Outcome[], others: readonly Outcome[]): string[] {
  return some.flatMap(({ chunksMs }, i) =>
    chunksMs.flatMap((ms, chunk) => {
      const otherMs = others[i]?.chunksMs[chunk];
      return otherMs !== undefined && Math.abs(ms - otherMs) > TOLERANCE_MS ? [`${i}/${chunk}`] : [];
    }),
  );
}

async function askAll(server: Server, prompts: readonly RecordedPrompt[]): Promise<Outcome[]> {
  const url = `${await server.url}/v1/chat/completions`;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const outcomes: Outcome[] = [];
  for (const { prompt } of prompts) outcomes.push(await ask(url, agent, prompt));
  agent.destroy();
  return outcomes;
}

function ask(url: string, agent: Agent, prompt: string): Promise<Outcome> {
  const body = JSON.stringify({
    messages: [{ role: 'user', content: prompt }],
    stream: true,
    max_tokens: TOKENS,
  });
  const headers = { 'content-type': 'application/json', 'content-length': body.length };
  const askedMs = performance.now();
  return new Promise((resolve) => {
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      resolve(outcomeOf(response, askedMs));
    });
    sent.on('error', (error: NodeJS.ErrnoException) => resolve({ end: error.code ?? 'error', chunksMs: [] }));
    sent.end(body);
  });
}

async function outcomeOf(response: IncomingMessage, askedMs: number): Promise<Outcome> {
  const chunksMs: number[] = [];
  try {
    for await (const data of response) {
      const nowMs = performance.now() - askedMs;
      const count = String(data).split(NEEDLE).length - 1;
      for (let i = 0; i < count; i++) chunksMs.push(nowMs);
    }
    return { end: `${response.statusCode}`, chunksMs };
  } catch {
    return { end: `${response.statusCode}, cut`, chunksMs };
  }
}

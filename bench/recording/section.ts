/** What an upstream's answers lose on their way through, and how exactly recordings of them are replayed. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { temporaryFolder } from '../cleanup.js';
import { goalTable } from '../goals.js';
import { say } from '../progress.js';
import { figureOf, type Section } from '../results.js';
import { verbatim, withServer } from '../server.js';
import { median, percentile } from '../statistics.js';
import { type Chunk, streamOf } from './stream-times.js';

const PROMPTS = 400;
/** Words of a reply, each a chunk. */
const WORDS = 40;
/** Times of the upstream whose streams are recorded. */
const RECORDED_FLAGS = [
  '--time-to-first-token',
  '30',
  '--inter-token-latency',
  '7',
  '--stream-interval',
  '1',
];
const REPLAYED = 60;
/** Streams that are replayed at the same time. */
const AT_ONCE = 10;
/** Between the beginnings of two of them: the client's own time for a request doesn't count then. */
const APART_MS = 20;

/** The times of one round. */
interface Round {
  /** From the request to the first chunk, in ms: of the upstream itself, and through the server. */
  readonly direct: readonly number[];
  readonly through: readonly number[];
}

/** Measures forwarding and replaying. */
export async function measureRecording(rounds: number): Promise<Section> {
  const folder = temporaryFolder();
  const dataset = join(folder, 'upstream.jsonl');
  writeFileSync(dataset, Array.from({ length: PROMPTS }, (_, i) => recordOf(i)).join(''));
  const forwarded: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    say(`recording: forwarding, round ${round} of ${rounds}\n`);
    forwarded.push(await forward(dataset));
  }
  say('recording: replaying\n');
  const errors = await replay(dataset, join(folder, 'recordings.jsonl'));
  const firsts = forwarded.map(({ direct }) => median(direct));
  const added = forwarded.map(({ direct, through }) => median(through) - median(direct));
  const addedP99 = forwarded.map(
    ({ direct, through }) => percentile(through, 0.99) - percentile(direct, 0.99),
  );
  const late = percentile(errors, 0.99);
  const table = goalTable([
    {
      what: 'first chunk through `forward`, over the upstream’s own',
      measured: `+ ${median(added).toFixed(2)} ms, own ${median(firsts).toFixed(2)} ms`,
      ratio: '',
      figure: median(added),
      goal: { must: 1, aim: 0.3, unit: 'ms' },
    },
    {
      what: 'the same, p99',
      measured: `+ ${median(addedP99).toFixed(2)} ms`,
      ratio: '',
      figure: median(addedP99),
      goal: undefined,
    },
    {
      what: `\`REPLAY_SPEED=1\`, ${AT_ONCE} streams at once: error of chunk times, p99`,
      measured: `${late.toFixed(2)} ms, median ${percentile(errors, 0.5).toFixed(2)} ms`,
      ratio: '',
      figure: late,
      goal: { must: 5, aim: 2, unit: 'ms' },
    },
  ]);
  return {
    text: `## Recording

The upstream is another verbatim. Each of ${PROMPTS} prompts is streamed once from it and once through a server with \`ON_MISS=forward\`, one
request at a time, in turn. Medians of ${rounds} rounds. Then ${REPLAYED} streams are recorded with delays of 30 and 7 ms and replayed,
begun ${APART_MS} ms after each other: the
error of a chunk is the difference between its time since the request and the recorded one.

${table}
`,
    figures: [
      ...figureOf('recording / first chunk added', 'ms', added),
      ...figureOf('recording / first chunk of the upstream', 'ms', firsts),
      ...figureOf('recording / replay error p99', 'ms', [late]),
    ],
  };
}

function recordOf(number: number): string {
  const reply = Array.from({ length: WORDS }, (_, i) => `word${number + i}`).join(' ');
  const messages = [
    { role: 'user', content: promptOf(number) },
    { role: 'assistant', content: reply },
  ];
  return `${JSON.stringify({ messages })}\n`;
}

function promptOf(number: number): string {
  return `What is question number ${number}?`;
}

async function forward(dataset: string): Promise<Round> {
  const own = ['--index-dir', 'none', '--usage', 'estimate'];
  return withServer(verbatim(dataset, own), async (upstream) => {
    const url = await upstream.url;
    const asks = ['--upstream', `${url}/v1`, '--on-miss', 'forward', ...own];
    const sample = join(temporaryFolder(), 'other.jsonl');
    writeFileSync(sample, recordOf(PROMPTS));
    return withServer(verbatim(sample, asks), async (server) => {
      const through: number[] = [];
      const direct: number[] = [];
      const firstOf = async (base: string, i: number) =>
        ((await streamOf(base, promptOf(i))).chunks[0] as Chunk).atMs;
      // The connections are open, and the code is compiled.
      for (let i = 0; i < 2 * PROMPTS; i++) {
        await firstOf(url, i % PROMPTS);
        await firstOf(await server.url, i % PROMPTS);
      }
      for (let i = 0; i < PROMPTS; i++) {
        direct.push(await firstOf(url, i));
        through.push(await firstOf(await server.url, i));
      }
      return { direct, through };
    });
  });
}

/** @returns how many ms each chunk of a replayed stream came too early or too late */
async function replay(dataset: string, recordings: string): Promise<readonly number[]> {
  const own = ['--index-dir', 'none'];
  await withServer(verbatim(dataset, [...own, ...RECORDED_FLAGS]), async (upstream) => {
    const asks = ['--upstream', `${await upstream.url}/v1`, '--record', recordings, ...own];
    await withServer(verbatim(undefined, asks), async (server) => {
      for (let i = 0; i < REPLAYED; i += AT_ONCE)
        await Promise.all(
          Array.from({ length: AT_ONCE }, async (_, at) => streamOf(await server.url, promptOf(i + at))),
        );
    });
  });
  const recorded = readFileSync(recordings, 'utf8').trim().split('\n').map(timingsOf);
  return withServer(verbatim(recordings, [...own, '--replay-speed', '1']), async (server) => {
    const errors: number[] = [];
    // The connections are open, and the code is compiled.
    for (let i = 0; i < 3; i++)
      await Promise.all(
        Array.from({ length: AT_ONCE }, async (_, at) => streamOf(await server.url, promptOf(at))),
      );
    for (let i = 0; i < REPLAYED; i += AT_ONCE) {
      const streams = Array.from({ length: AT_ONCE }, async (_, at) => {
        const prompt = promptOf(i + at);
        await delay(at * APART_MS);
        const { chunks } = await streamOf(await server.url, prompt);
        const times = recorded.find((each) => each.prompt === prompt)?.atMs ?? [];
        for (const [place, { atMs }] of chunks.entries()) errors.push(Math.abs(atMs - (times[place] ?? NaN)));
      });
      await Promise.all(streams);
    }
    return errors;
  });
}

function timingsOf(line: string): { readonly prompt: string; readonly atMs: readonly number[] } {
  const { messages } = JSON.parse(line) as {
    messages: readonly { content: string; timings?: readonly [number, number][] }[];
  };
  const timings = messages.at(-1)?.timings ?? [];
  return {
    prompt: messages[0]?.content ?? '',
    atMs: timings.filter(([, length]) => length > 0).map(([ms]) => ms),
  };
}

/** A file of JSON lines that grows while it is served. */

import {
  appendFileSync,
  createWriteStream,
  existsSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { atExit, temporaryFolder } from '../cleanup.js';
import { cacheFolder, type GeneratedDataset } from '../dataset.js';
import { type Goal, goalTable, type Row } from '../goals.js';
import { inOwnProcess } from '../own-process.js';
import { say } from '../progress.js';
import { Random } from '../random.js';
import { recordsOf } from '../records.js';
import { type Figure, figureOf, type Section } from '../results.js';
import { promptsOf, sampleRecords } from '../sample.js';
import { Server, verbatim } from '../server.js';
import { median } from '../statistics.js';
import type { AppendFigures, AppendTask } from './append-figures.js';

const SEED = 22;
const CONNECTIONS = 32;
const PROMPTS = 2000;
const LINES = 1000;
const ONE_BY_ONE = 100_000;
const ANSWER_GOAL: Goal = { must: 200, aim: 50, unit: 'ms' };
const SWEEPS_GOAL: Goal = { must: 0, aim: 0, unit: 'sweeps' };
const LOOKUP_GOAL: Goal = { must: 1.5, aim: 1.1, unit: '×' };

/** Appends lines to a long file under load, and a hundred thousand one by one to a short one. */
export async function measureGrowth(
  dataset: GeneratedDataset,
  short: GeneratedDataset,
  rounds: number,
): Promise<Section> {
  const appended = await measureAppended(dataset.path, await linesOf(dataset.path), rounds);
  say(`growing: ${ONE_BY_ONE} lines one by one\n`);
  const { before, after, whole, seconds } = await inOwnProcess<AppendFigures>(
    new URL('./append-times.js', import.meta.url),
    {
      sample: short.path,
      path: await linesOf(short.path),
      folder: temporaryFolder(),
      count: ONE_BY_ONE,
    } satisfies AppendTask,
  );
  const ratio = after / before;
  const rows: Row[] = [
    {
      what: `${LINES} lines appended to ${megabytes(dataset.bytes)} under load, until the last one answers`,
      measured: `${median(appended.answeredMs).toFixed(0)} ms (longest ${Math.max(...appended.answeredMs).toFixed(0)})`,
      ratio: '',
      figure: median(appended.answeredMs),
      goal: ANSWER_GOAL,
    },
    {
      what: 'sweeps meanwhile',
      measured: String(appended.sweeps),
      ratio: '',
      figure: appended.sweeps,
      goal: SWEEPS_GOAL,
    },
    {
      what: `${ONE_BY_ONE} lines, one by one, each asked for: lookup time at the end over the start`,
      measured: `${after.toFixed(1)} µs, before ${before.toFixed(1)} µs, with one index of all ${whole.toFixed(1)} µs; ${((seconds * 1e6) / ONE_BY_ONE).toFixed(0)} µs for each line`,
      ratio: `${ratio.toFixed(2)} ×`,
      figure: ratio,
      goal: LOOKUP_GOAL,
    },
  ];
  const figures: Figure[] = [
    ...figureOf('growing / until appended lines answer', 'ms', appended.answeredMs),
    ...figureOf('growing / longest request meanwhile', 'ms', appended.longestMs),
    ...figureOf('growing / lookup at the end over the start', '×', [ratio]),
    ...figureOf('growing / append and answer', 'µs', [(seconds * 1e6) / ONE_BY_ONE]),
  ];
  const longest = Math.max(...appended.longestMs).toFixed(0);
  return {
    text: `## A file that grows

${CONNECTIONS} connections ask for prompts of the file all the time; the longest request while lines were indexed took ${longest} ms. ${rounds} rounds. The
lines that are appended one by one have a short prompt and a short reply each, and the file had ${megabytes(short.bytes)} before them.

${goalTable(rows)}
`,
    figures,
  };
}

interface Appended {
  readonly answeredMs: readonly number[];
  readonly longestMs: readonly number[];
  readonly sweeps: number;
}

/** Appends lines to a file, in each of several rounds, and asks for the last one until it is answered. The file is cut again at the end. */
async function measureAppended(array: string, path: string, rounds: number): Promise<Appended> {
  const { size } = statSync(path);
  const restore = atExit(() => truncateSync(path, size));
  const sample = sampleRecords(array, PROMPTS, new Random(SEED));
  const prompts = promptsOf(sample, new Random(SEED));
  const records = sample.slice(0, LINES);
  const server = new Server(
    verbatim(path, ['--index-dir', temporaryFolder(), '--engine', 'index', '--usage', 'estimate']),
  );
  const answeredMs: number[] = [];
  const longestMs: number[] = [];
  try {
    const url = new URL(await server.url);
    const before = await sweepsOf(url);
    const clients = new Clients(Number(url.port), prompts);
    for (let round = 0; round < rounds; round++) {
      say(`growing: round ${round + 1} of ${rounds}\n`);
      const prompt = `the last line of round ${round}`;
      const text = [...records, lineFor(prompt)].map((each) => `${JSON.stringify(each)}\n`).join('');
      await clients.answered();
      clients.longestMs = 0;
      appendFileSync(path, text);
      const startMs = performance.now();
      while ((await clients.ask(prompt)) !== 200);
      answeredMs.push(performance.now() - startMs);
      await clients.answered();
      longestMs.push(clients.longestMs);
    }
    await clients.end();
    return { answeredMs, longestMs, sweeps: (await sweepsOf(url)) - before };
  } finally {
    await server.stop();
    restore();
  }
}

function lineFor(prompt: string): object {
  return {
    conversations: [
      { from: 'human', value: prompt },
      { from: 'gpt', value: `Here is ${prompt}.` },
    ],
  };
}

async function sweepsOf({ origin }: URL): Promise<number> {
  const text = await (await fetch(`${origin}/metrics`)).text();
  const found = /^verbatim_sweeps_total\S* (\d+)$/m.exec(text);
  return Number(found?.[1]);
}

/** The same dataset as JSON lines, from the cache folder. */
async function linesOf(path: string): Promise<string> {
  const lines = join(cacheFolder(), `${path.split('/').at(-1)}l`);
  if (existsSync(lines)) return lines;
  const unfinished = `${lines}.${process.pid}`;
  const forget = atExit(() => rmSync(unfinished, { force: true }));
  const texts = function* () {
    for (const record of recordsOf(path)) yield `${JSON.stringify(record)}\n`;
  };
  await pipeline(texts, createWriteStream(unfinished));
  renameSync(unfinished, lines);
  forget();
  return lines;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1_000_000)} MB`;
}

/** Clients that send requests until they are ended, each on its own connection. */
class Clients {
  /** The longest time that a request took, in ms. */
  longestMs = 0;
  private readonly agent = new Agent({ keepAlive: true });
  private readonly port: number;
  private readonly prompts: readonly string[];
  private readonly running: Promise<unknown>;
  private isEnding = false;
  private answers = 0;
  private onAnswer = () => {};

  constructor(port: number, prompts: readonly string[]) {
    this.port = port;
    this.prompts = prompts;
    this.running = Promise.all(Array.from({ length: CONNECTIONS }, (_, i) => this.askUntilEnd(i)));
  }

  /** Resolves when many further requests have been answered. */
  answered(): Promise<void> {
    const wanted = this.answers + 10 * CONNECTIONS;
    return new Promise((resolve) => {
      this.onAnswer = () => {
        if (this.answers >= wanted) resolve();
      };
    });
  }

  async end(): Promise<void> {
    this.isEnding = true;
    await this.running;
    this.agent.destroy();
  }

  /** Sends a request. @returns the status of the answer */
  ask(prompt: string): Promise<number | undefined> {
    const target = { port: this.port, path: '/v1/chat/completions', method: 'POST', agent: this.agent };
    return new Promise((resolve, reject) => {
      const sent = request(target, (response) => {
        response.resume().on('end', () => resolve(response.statusCode));
      });
      sent.on('error', reject);
      sent.end(JSON.stringify({ messages: [{ role: 'user', content: prompt }] }));
    });
  }

  private async askUntilEnd(client: number): Promise<void> {
    for (let n = client * 61; !this.isEnding; n++) {
      const startMs = performance.now();
      const status = await this.ask(this.prompts[n % this.prompts.length] as string);
      if (status !== 200) throw new Error(`expected status 200, got ${status}`);
      this.longestMs = Math.max(this.longestMs, performance.now() - startMs);
      this.answers++;
      this.onAnswer();
    }
  }
}

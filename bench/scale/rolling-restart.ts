/** Nodes that are restarted one after the other, with HAProxy in front of them, under requests. */

import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../cleanup.js';
import { type Goal, goalTable, type Row } from '../goals.js';
import { say } from '../progress.js';
import { type Figure, figureOf, type Section } from '../results.js';
import { Server, verbatim } from '../server.js';
import { HAProxy } from './haproxy.js';

/** What was measured. */
export interface RestartRun {
  readonly answers: number;
  /** What went wrong with each request that got no answer, or not the recorded one. */
  readonly lost: readonly string[];
  /** The longest time that a request took, in ms. */
  readonly longestMs: number;
  /** How long each node took from the signal until the proxy used it again, in ms. */
  readonly restartsMs: readonly number[];
}

const NODES = 3;
const CONNECTIONS = 256;
const PROMPTS = 1000;
const THREADS = [1, 2];
/** Lost requests that are described. */
const EXAMPLES = 3;
const ROUNDS = 3;
const TRY_AGAIN_MS = 10;
/** A request whose client must see that nothing was lost. */
const GOAL: Goal = { must: 0, aim: 0, unit: 'lost' };

const CONFIGURATION = fileURLToPath(new URL('../../../deploy/haproxy.cfg', import.meta.url));

/** Restarts all nodes in each of several rounds, with one and with two threads that answer in each. */
export async function measureRollingRestart(): Promise<Section> {
  const rows: Row[] = [];
  const figures: Figure[] = [];
  const examples: string[] = [];
  for (const threads of THREADS) {
    const runs: RestartRun[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      say(`rolling restart: ${threads} threads, round ${round} of ${ROUNDS}\n`);
      runs.push(await rollingRestart(CONNECTIONS, CONFIGURATION, threads));
    }
    const lost = runs.flatMap((run) => run.lost);
    const sent = runs.reduce((sum, { answers }) => sum + answers, lost.length);
    const longestMs = Math.round(Math.max(...runs.map((run) => run.longestMs)));
    const restartMs = Math.round(Math.max(...runs.flatMap((run) => run.restartsMs)));
    rows.push({
      what: `HTTP_THREADS=${threads}: lost requests`,
      measured: `${lost.length} of ${sent}; longest request ${longestMs} ms, longest restart ${restartMs} ms`,
      ratio: '',
      figure: lost.length,
      goal: GOAL,
    });
    const name = `rolling restart / ${threads} threads`;
    figures.push(...figureOf(`${name} / lost requests`, 'requests', [lost.length]));
    figures.push(...figureOf(`${name} / longest request`, 'ms', [longestMs]));
    examples.push(...lost.slice(0, EXAMPLES));
  }
  return {
    text: `## Rolling restart

${NODES} nodes, HAProxy with \`deploy/haproxy.cfg\`; ${CONNECTIONS} connections send requests all the time, half of them for streams. Each node gets SIGTERM
and is started again; the next one follows once the proxy uses it. Every answer is compared with the recorded one. ${ROUNDS} rounds.

${goalTable(rows)}
${examples.map((example) => `\n    ${example.replaceAll('\n', '\n    ')}\n`).join('')}`,
    figures,
  };
}

/**
 * Restarts each node once, while each of some connections sends one request after the other.
 *
 * @param configuration the path of `deploy/haproxy.cfg`
 * @param threads that answer, in each node
 * @param main the program, if not the one beside this build
 * @param pauseMs between two requests of a connection
 */
export async function rollingRestart(
  connections: number,
  configuration: string,
  threads: number,
  main?: string,
  pauseMs = 0,
): Promise<RestartRun> {
  const folder = temporaryFolder();
  const dataset = join(folder, 'dataset.json');
  writeFileSync(dataset, JSON.stringify(Array.from({ length: PROMPTS }, (_, i) => conversation(i))));
  const flags = (port: number) => [
    ...['--usage', 'estimate', '--port', String(port)],
    ...['--http-threads', String(threads)],
  ];
  const start = (port: number) => new Server(verbatim(dataset, flags(port), main));
  const nodes = Array.from({ length: NODES }, () => start(0));
  let proxy: HAProxy | undefined;
  let clients: Clients | undefined;
  try {
    const ports: number[] = [];
    for (const node of nodes) ports.push(Number(new URL(await readyUrl(node)).port));
    proxy = await HAProxy.start(configuration, ports, folder);
    clients = new Clients(proxy.socketPath, connections, pauseMs);
    await clients.answered();
    const restartsMs: number[] = [];
    for (const [i, port] of ports.entries()) {
      const startMs = performance.now();
      await nodes[i]?.stop();
      const node = start(port);
      nodes[i] = node;
      await readyUrl(node);
      await proxy.uses(i + 1);
      restartsMs.push(performance.now() - startMs);
      await clients.answered();
    }
    return { ...(await clients.end()), restartsMs };
  } finally {
    await clients?.end();
    await proxy?.stop();
    for (const node of nodes) await node.stop();
  }
}

/** The node's address, once all of its threads answer: it listens a little earlier. */
async function readyUrl(node: Server): Promise<string> {
  const url = await node.url;
  while (!(await fetch(`${url}/ready`)).ok) await delay(TRY_AGAIN_MS);
  return url;
}

const replyOf = (i: number) => `reply ${i} `.repeat(40);

function conversation(i: number): object {
  return {
    conversations: [
      { from: 'human', value: `prompt ${i}` },
      { from: 'gpt', value: replyOf(i) },
    ],
  };
}

/** Clients that send requests until they are ended, each on its own connection. */
class Clients {
  private readonly agent: Agent;
  private readonly socketPath: string;
  private readonly pauseMs: number;
  private readonly running: Promise<unknown>;
  private isEnding = false;
  private answers = 0;
  private longestMs = 0;
  private readonly lost: string[] = [];
  /** Called after each answer. */
  private onAnswer = () => {};

  constructor(socketPath: string, connections: number, pauseMs: number) {
    this.socketPath = socketPath;
    this.pauseMs = pauseMs;
    this.agent = new Agent({ keepAlive: true, maxSockets: connections });
    this.running = Promise.all(Array.from({ length: connections }, (_, i) => this.askUntilEnd(i)));
  }

  /** Resolves when as many further requests as there are connections have been answered or lost, so that each of them was used. */
  answered(): Promise<void> {
    const wanted = this.answers + this.lost.length + this.agent.maxSockets;
    return new Promise((resolve) => {
      this.onAnswer = () => {
        if (this.answers + this.lost.length >= wanted) resolve();
      };
    });
  }

  /** Waits for the answers to the requests that were sent. */
  async end(): Promise<Omit<RestartRun, 'restartsMs'>> {
    this.isEnding = true;
    await this.running;
    this.agent.destroy();
    const { answers, lost, longestMs } = this;
    return { answers, lost, longestMs };
  }

  private async askUntilEnd(client: number): Promise<void> {
    for (let n = 0; !this.isEnding; n++) {
      const startMs = performance.now();
      const problem = await this.ask((client * 37 + n) % PROMPTS, n % 2 === 1);
      if (problem === undefined) this.answers++;
      else this.lost.push(problem);
      this.longestMs = Math.max(this.longestMs, performance.now() - startMs);
      this.onAnswer();
      if (this.pauseMs > 0) await delay(this.pauseMs);
    }
  }

  /** Sends a request. @returns what was wrong with the answer; undefined if nothing was */
  private ask(i: number, stream: boolean): Promise<string | undefined> {
    const { agent, socketPath } = this;
    const target = { path: '/v1/chat/completions', method: 'POST', agent, socketPath };
    return new Promise((resolve) => {
      const sent = request(target, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        response.on('close', () => {
          const isRight =
            response.statusCode === 200 && response.complete && contentOf(text, stream) === replyOf(i);
          resolve(isRight ? undefined : `status ${response.statusCode}: ${text}`);
        });
      });
      sent.on('error', (error) => resolve(error.message));
      sent.end(JSON.stringify({ messages: [{ role: 'user', content: `prompt ${i}` }], stream }));
    });
  }
}

/** The reply in an answer; undefined if it is cut off. */
function contentOf(text: string, stream: boolean): string | undefined {
  if (!stream) return (JSON.parse(text) as Completion).choices[0]?.message?.content;
  const events = text.split('\n\n').map((event) => event.slice('data: '.length));
  if (events.at(-2) !== '[DONE]') return undefined;
  const chunks = events.slice(0, -2).map((event) => JSON.parse(event) as Completion);
  return chunks.map(({ choices }) => choices[0]?.delta?.content ?? '').join('');
}

/** The fields of a completion, or of a chunk of one, that are compared. */
interface Completion {
  readonly choices: readonly {
    readonly message?: { readonly content: string };
    readonly delta?: { readonly content?: string | null };
  }[];
}

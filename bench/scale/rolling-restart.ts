/** Nodes that are restarted one after the other, with HAProxy in front of them, under requests. */

import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../cleanup.js';
import { type Goal, goalTable } from '../goals.js';
import { say } from '../progress.js';
import { figureOf, type Section } from '../results.js';
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
const ROUNDS = 3;
/** A request whose client must see that nothing was lost. */
const GOAL: Goal = { must: 0, aim: 0, unit: 'lost' };

const CONFIGURATION = fileURLToPath(new URL('../../../deploy/haproxy.cfg', import.meta.url));

/** Restarts all nodes in each of several rounds. */
export async function measureRollingRestart(): Promise<Section> {
  const runs: RestartRun[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    say(`rolling restart: round ${round} of ${ROUNDS}\n`);
    runs.push(await rollingRestart(CONNECTIONS, CONFIGURATION));
  }
  const answers = runs.reduce((sum, run) => sum + run.answers, 0);
  const lost = runs.flatMap((run) => run.lost);
  const longestMs = Math.max(...runs.map((run) => run.longestMs));
  const restartsMs = runs.flatMap((run) => run.restartsMs);
  const row = {
    what: `rolling restart of ${NODES} nodes, ${CONNECTIONS} connections`,
    measured: `${lost.length} of ${answers + lost.length} requests`,
    ratio: '',
    figure: lost.length,
    goal: GOAL,
  };
  return {
    text: `## Rolling restart

${NODES} nodes, HAProxy with \`deploy/haproxy.cfg\`; ${CONNECTIONS} connections send requests all the time, half of them for streams. Each node gets SIGTERM
and is started again; the next one follows once the proxy uses it. Every answer is compared with the recorded one. ${ROUNDS} rounds.

${goalTable([row])}

A restart took ${Math.round(Math.max(...restartsMs))} ms at most, and a request ${Math.round(longestMs)} ms.
${lost.slice(0, 5).join('\n')}`,
    figures: [
      ...figureOf('rolling restart / lost requests', 'requests', [lost.length]),
      ...figureOf('rolling restart / longest request', 'ms', [longestMs]),
    ],
  };
}

/**
 * Restarts each node once, while each of some connections sends one request after the other.
 *
 * @param configuration the path of `deploy/haproxy.cfg`
 * @param main the program, if not the one beside this build
 */
export async function rollingRestart(
  connections: number,
  configuration: string,
  main?: string,
): Promise<RestartRun> {
  const folder = temporaryFolder();
  const dataset = join(folder, 'dataset.json');
  writeFileSync(dataset, JSON.stringify(Array.from({ length: PROMPTS }, (_, i) => conversation(i))));
  const flags = (port: number) => ['--usage', 'estimate', '--port', String(port)];
  const start = (port: number) => new Server(verbatim(dataset, flags(port), main));
  const nodes = Array.from({ length: NODES }, () => start(0));
  let proxy: HAProxy | undefined;
  let clients: Clients | undefined;
  try {
    const ports: number[] = [];
    for (const node of nodes) ports.push(Number(new URL(await node.url).port));
    proxy = await HAProxy.start(configuration, ports, folder);
    clients = new Clients(proxy.socketPath, connections);
    await clients.answered();
    const restartsMs: number[] = [];
    for (const [i, port] of ports.entries()) {
      const startMs = performance.now();
      await nodes[i]?.stop();
      const node = start(port);
      nodes[i] = node;
      await node.url;
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
  private readonly running: Promise<unknown>;
  private isEnding = false;
  private answers = 0;
  private longestMs = 0;
  private readonly lost: string[] = [];
  /** Called after each answer. */
  private onAnswer = () => {};

  constructor(socketPath: string, connections: number) {
    this.socketPath = socketPath;
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

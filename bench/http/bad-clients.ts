/** How long a well-behaved client waits while 500 others misbehave. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { temporaryFolder } from '../cleanup.js';
import { type Goal, goalTable } from '../goals.js';
import { inOwnProcess } from '../own-process.js';
import { say } from '../progress.js';
import { figureOf, type Section } from '../results.js';
import { verbatim, withServer } from '../server.js';
import { percentile } from '../statistics.js';
import type { OtherClientRun, OtherClientTask } from './other-client.js';
import type { BadClientsTask } from './unread-clients.js';

const CLIENTS = 500;
/** Concurrent requests of the well-behaved client. */
const CONNECTIONS = 4;
const WARM_UP_MS = 500;
const COMPLETIONS = '/v1/completions';
const GOAL: Goal = { must: 3, aim: 1.5, unit: '×' };

/** Conversations of each kind: a short reply, one that a stream makes some 4 MB of, and a long one. */
const REPLIES = { short: 300, usual: 20_000, long: 300_000 };
const OF_EACH = 200;

/** The bytes the clients send. An object is the body of a completion. */
const KINDS: Readonly<Record<string, (client: number) => object | string>> = {
  'streams of 300 kB, not read': (i) => ({ prompt: `long ${i % OF_EACH}`, stream: true }),
  'streams, n: 128, not read': (i) => ({ prompt: `usual ${i % OF_EACH}`, n: 128, stream: true }),
  'streams of 128 prompts, not read': (i) => ({ prompt: prompts(i), stream: true }),
  'answers to 128 prompts, not read': (i) => ({ prompt: prompts(i) }),
  '32 MB announced, nothing sent': () => headOf(32_000_000),
  'a byte a second': () => headOf(100_000),
};

/** Measures each kind for this number of seconds, with and without the bad clients. */
export async function measureBadClients(seconds: number): Promise<Section> {
  const path = join(temporaryFolder(), 'dataset.json');
  writeFileSync(
    path,
    JSON.stringify(Object.entries(REPLIES).flatMap(([kind, length]) => recordsOf(kind, length))),
  );
  const rows = [];
  const figures = [];
  for (const [kind, requestOf] of Object.entries(KINDS)) {
    say(`bad clients: ${kind}\n`);
    const requests = Array.from({ length: CLIENTS }, (_, i) => requestText(requestOf(i)));
    const { without, beside } = await withServer(verbatim(path, ['--usage', 'estimate']), async (server) => {
      const url = await server.url;
      await server.printed(/engine in use: index/);
      const task = { url: `${url}/v1/chat/completions`, body: hit, connections: CONNECTIONS, seconds };
      const without = await runOther(task);
      const bad: BadClientsTask = {
        port: Number(new URL(url).port),
        requests,
        dribbles: kind === 'a byte a second',
        seconds,
      };
      const [beside] = await Promise.all([
        runOther(task),
        // The other client has finished its warm-up by then.
        delay(WARM_UP_MS).then(() => inOwnProcess(new URL('./unread-clients.js', import.meta.url), bad)),
      ]);
      return { without, beside };
    });
    const ratio = percentile(beside.latenciesMs, 0.99) / percentile(without.latenciesMs, 0.99);
    rows.push({
      what: `p99 with ${CLIENTS} bad clients / without: ${kind}`,
      measured: `${textOf(without)} → ${textOf(beside)}`,
      ratio: `${ratio.toFixed(2)} ×`,
      figure: ratio,
      goal: GOAL,
    });
    figures.push(...figureOf(`bad clients / ${kind} / p99 with over without`, '×', [ratio]));
  }
  return {
    text: `## Bad clients

A client that asks for a short reply, ${CONNECTIONS} requests at once, for ${seconds} s without the bad clients and ${seconds} s from the moment they come;
p50, p99 and the longest wait in ms.

${goalTable(rows)}
`,
    figures,
  };
}

const hit = JSON.stringify({ messages: [{ role: 'user', content: 'short 0' }] });

/** The measurement of a client in its own process. */
function runOther(task: OtherClientTask): Promise<OtherClientRun> {
  return inOwnProcess(new URL('./other-client.js', import.meta.url), task);
}

function textOf({ latenciesMs, refused }: OtherClientRun): string {
  const waits = [0.5, 0.99, 1].map((share) => percentile(latenciesMs, share).toFixed(2)).join(' / ');
  return refused === 0 ? waits : `${waits}, ${refused} of ${latenciesMs.length} refused`;
}

function recordsOf(kind: string, length: number): object[] {
  return Array.from({ length: OF_EACH }, (_, i) => {
    const value = `${i} ${'The quick brown fox. '.repeat(Math.ceil(length / 21))}`;
    return {
      conversations: [
        { from: 'human', value: `${kind} ${i}` },
        { from: 'gpt', value },
      ],
    };
  });
}

function prompts(client: number): string[] {
  return Array.from({ length: 128 }, (_, i) => `usual ${(client + i) % OF_EACH}`);
}

function requestText(request: object | string): string {
  if (typeof request === 'string') return request;
  const body = JSON.stringify(request);
  return headOf(body.length) + body;
}

function headOf(bytes: number): string {
  return `POST ${COMPLETIONS} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${bytes}\r\n\r\n`;
}

/** How long another client waits while the server handles one 30 MB body, for several contents. */

import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { type Goal, goalTable } from '../goals.js';
import { inOwnProcess } from '../own-process.js';
import { say } from '../progress.js';
import { figureOf, type Section } from '../results.js';
import { verbatim, withServer } from '../server.js';
import { percentile } from '../statistics.js';
import type { OtherClientRun, OtherClientTask } from './other-client.js';

const BYTES = 30_000_000;
const SECONDS = 5;
/** When the body is sent, counted from the other client's start. */
const SENT_MS = 1500;
const CHAT = '/v1/chat/completions';
const COMPLETIONS = '/v1/completions';
const GOAL: Goal = { must: 100, aim: 50, unit: 'ms' };
const PROMPT = 'What is a mock server good for?';
const sample = fileURLToPath(new URL('../../../data/sample.json', import.meta.url));

const list = <T>(length: number, of: (i: number) => T) => Array.from({ length }, (_, i) => of(i));
const filled = (text: string, bytes = BYTES) => text.repeat(Math.floor(bytes / text.length));
const said = (content: unknown) => ({ messages: [{ role: 'user', content }] });

const KINDS: Readonly<Record<string, readonly [path: string, body: () => object]>> = {
  'one long string': [CHAT, () => said(filled('word '))],
  'the same, escaped': [CHAT, () => said(filled('\n"', BYTES / 2))],
  'the same, of white space': [CHAT, () => said(filled(' '))],
  'a prompt of a template': [
    COMPLETIONS,
    () => ({ prompt: `${filled('[INST] a [/INST] b ')}[INST] a [/INST]` }),
  ],
  '10,000 messages': [
    CHAT,
    () => ({
      messages: list(10_000, (i) => ({ role: i % 2 ? 'assistant' : 'user', content: filled('word ', 2950) })),
    }),
  ],
  '40,000 content parts, 200,000 strings and objects': [
    CHAT,
    () => said(list(40_000, () => ({ type: 'text', text: filled('a', 710) }))),
  ],
  '520,000 numbers': [COMPLETIONS, () => ({ prompt: list(520_000, () => 1000), user: filled('a', 1000) })],
  '128 prompts': [COMPLETIONS, () => ({ prompt: list(128, (i) => `${i}${filled(' word', 230_000)}`) })],
  'echoed, n: 128': [
    COMPLETIONS,
    () => ({ prompt: `${PROMPT}${filled(' ', BYTES / 128)}`, echo: true, n: 128 }),
  ],
};

/** Measures each kind of body, plain and compressed. */
export async function measureBodies(): Promise<Section> {
  const rows = [];
  const figures = [];
  for (const [kind, [path, make]] of Object.entries(KINDS)) {
    const plain = Buffer.from(JSON.stringify(make()));
    for (const isCompressed of [false, true]) {
      const name = isCompressed ? `${kind}, gzip` : kind;
      say(`bodies: ${name}\n`);
      const { status, longestMs } = await longestWait(
        path,
        isCompressed ? gzipSync(plain) : plain,
        isCompressed,
      );
      rows.push({
        what: `longest wait of another client: ${name}`,
        measured: `${longestMs.toFixed(0)} ms`,
        ratio: `status ${status}`,
        figure: longestMs,
        goal: GOAL,
      });
      figures.push(...figureOf(`bodies / ${name} / longest wait`, 'ms', [longestMs]));
    }
  }
  const about = `One body of ${BYTES / 1e6} MB at a time, while another client asks for a short reply on one connection.`;
  return { text: `## Bodies\n\n${about}\n\n${goalTable(rows)}\n`, figures };
}

async function longestWait(
  path: string,
  body: Uint8Array<ArrayBuffer>,
  isCompressed: boolean,
): Promise<{ status: number; longestMs: number }> {
  return withServer(verbatim(sample, ['--usage', 'estimate']), async (server) => {
    const url = await server.url;
    const hit = JSON.stringify(said(PROMPT));
    const task: OtherClientTask = { url: `${url}${CHAT}`, body: hit, connections: 1, seconds: SECONDS };
    const other = inOwnProcess<OtherClientRun>(new URL('./other-client.js', import.meta.url), task);
    await delay(SENT_MS);
    const headers = {
      'content-type': 'application/json',
      ...(isCompressed && { 'content-encoding': 'gzip' }),
    };
    const answer = await fetch(url + path, { method: 'POST', headers, body });
    await answer.arrayBuffer();
    return { status: answer.status, longestMs: percentile((await other).latenciesMs, 1) };
  });
}

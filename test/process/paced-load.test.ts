/** Many paced streams at once: 200 in the gate, 2,000 in the long run, which measures memory, too. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readEvents } from '../support/apis.js';
import { post } from '../support/app.js';
import { FACTOR } from '../support/factor.js';
import { type ServerProcess, startServer } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';

const STREAMS = 200 * FACTOR;
const MEASURES_MEMORY = FACTOR >= 10;
/** The first rounds bring heaps and buffers to their sizes; after that, memory must not grow. */
const ROUNDS = MEASURES_MEMORY ? 6 : 1;
const GROWTH_MAX = 1.1;
const DELAYS = ['--time-to-first-token', '200', '--inter-token-latency', '50'];

const promptOf = (i: number) => `prompt ${i}`;
const replyOf = (i: number) =>
  `The reply to prompt ${i}: ${'one 青い bird 🚀, '.repeat(1 + (i % 5))}and its end.`;

async function start(): Promise<{ server: ServerProcess; url: string }> {
  const dataset = join(temporaryFolder(), 'paced.json');
  const records = Array.from({ length: STREAMS }, (_, i) => ({
    conversations: [
      { from: 'human', value: promptOf(i) },
      { from: 'gpt', value: replyOf(i) },
    ],
  }));
  writeFileSync(dataset, JSON.stringify(records));
  const server = startServer([dataset, ...DELAYS], { USAGE: 'count' });
  return { server, url: await server.url() };
}

/** The text of a stream; undefined if it isn't complete. */
async function ask(url: string, prompt: string): Promise<string | undefined> {
  const body = { messages: [{ role: 'user', content: prompt }], stream: true };
  const response = await post(`${url}/v1/chat/completions`, body);
  const { events, isEnded } = readEvents(await response.text());
  const deltas = events.map(
    (event) => (event as { choices: [{ delta: { content?: string } }] }).choices[0].delta,
  );
  return isEnded ? deltas.map(({ content }) => content ?? '').join('') : undefined;
}

it('all streams have their whole texts, and memory does not grow with them', { timeout: 0 }, async () => {
  const { server, url } = await start();
  const megabytes: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const texts = await Promise.all(Array.from({ length: STREAMS }, (_, i) => ask(url, promptOf(i))));
    const wrong = texts.filter((text, i) => text !== replyOf(i));
    expect(wrong).toEqual([]);
    megabytes.push(Math.round(server.residentMegabytes));
  }
  process.stdout.write(`paced streams: ${STREAMS}, MB by rounds ${megabytes.join(', ')}\n`);
  const [third = 0] = megabytes.slice(2);
  if (MEASURES_MEMORY) expect(megabytes.at(-1)).toBeLessThan(third * GROWTH_MAX);
  server.kill('SIGTERM');
  expect(await server.exited).toBe(0);
});

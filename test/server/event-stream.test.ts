import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { get, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import express from 'express';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { sendEventStream } from '#dist/server/event-stream.js';
import { Listener } from '#dist/server/listener.js';
import { urlOf } from '#dist/server/start-lines.js';
import { post, serveApp } from '../support/app.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const reply = 'a word and another, '.repeat(20_000);
const conversations = [
  { from: 'human', value: 'long' },
  { from: 'gpt', value: reply },
  { from: 'human', value: 'short' },
  { from: 'gpt', value: 'yes' },
];

let base: string;
beforeAll(async () => {
  const path = join(folder, 'dataset.json');
  writeFileSync(path, JSON.stringify([{ conversations }]));
  base = await serveApp(path);
});

async function openStream(): Promise<IncomingMessage> {
  const asked = request(`${base}/v1/chat/completions`, { method: 'POST' });
  asked.end(JSON.stringify({ messages: [{ role: 'user', content: 'long' }], stream: true }));
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return response;
}

async function expectShortAnswer(): Promise<void> {
  const response = await post(`${base}/v1/chat/completions`, {
    messages: [{ role: 'user', content: 'short' }],
  });
  expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'yes' } }] });
}

/** The content that the events of a stream add up to. */
function contentOf(stream: string): string {
  const events = stream.split('\n\n').slice(0, -2);
  const chunks = events.map((event) => JSON.parse(event.slice('data: '.length)));
  return chunks.map(({ choices }) => choices[0].delta.content ?? '').join('');
}

describe('an event stream', () => {
  it('waits for a client that reads slowly, serves others meanwhile, and loses nothing', async () => {
    const response = await openStream();
    response.pause();
    await expectShortAnswer();
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const stream = Buffer.concat(chunks).toString('utf8');
    expect(stream.endsWith('\n\ndata: [DONE]\n\n')).toBe(true);
    expect(contentOf(stream)).toBe(reply);
  });

  it('makes no more events than its client takes, and ends when that leaves', async () => {
    const EVENTS = 200_000;
    let made = 0;
    const ended = new Promise<void>((resolve) => {
      const events = function* () {
        try {
          for (; made < EVENTS; made++) yield { text: 'x'.repeat(1000) };
        } finally {
          resolve();
        }
      };
      const app = express().get('/', (_request, response) => sendEventStream(response, events()));
      const listener = new Listener(app);
      onTestFinished(() => listener.stop());
      listener.listen('127.0.0.1', 0).then(async (address) => {
        const [response] = (await once(get(urlOf(address)), 'response')) as [IncomingMessage];
        await once(response, 'readable');
        response.destroy();
      });
    });
    await ended;
    expect(made).toBeGreaterThan(0);
    expect(made).toBeLessThan(EVENTS);
  });

  it('ends when its client leaves in the middle, and the server goes on', async () => {
    const response = await openStream();
    await once(response, 'data');
    response.destroy();
    await expectShortAnswer();
  });
});

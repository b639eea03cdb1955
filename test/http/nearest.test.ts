/** The nearest turn, through HTTP: in the message of a miss, and as an answer. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PerSecond } from '#dist/http/per-second.js';
import { type ServeOptions, serve } from '#dist/index.js';
import { atEndOfFile } from '../support/end-of-file.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const ASK = 'Write the weekly report of the northern depot for 2031-06-07, please.';
const talk = (id: string, ...texts: string[]) => ({
  id,
  conversations: texts.map((value, i) => ({ from: i % 2 === 0 ? 'human' : 'gpt', value })),
});
const CHATS = [
  talk('other', 'How do I cook rice?', 'With water.', 'And for how long?', 'Ten minutes.'),
  talk('first', ASK, 'The first report.', 'Thanks! Now the same in French, please.', 'Le premier rapport.'),
  talk('again', ASK, 'The second report.'),
  talk('later', 'Hello!', 'Hi.', ASK, 'The third report.'),
  { id: 'asked', conversations: [talk('', ASK).conversations[0], { from: 'human', value: 'Anyone?' }] },
];

function write(records: readonly unknown[], name: string): string {
  const path = join(folder, `${name}.json`);
  writeFileSync(path, JSON.stringify(records));
  return path;
}

/** Starts a server that runs until the end of the file; returns how to ask it for the reply to messages of a user and an assistant in turn. */
async function start(options: ServeOptions) {
  const server = await serve({ usage: 'estimate', workers: 1, ...options });
  atEndOfFile(() => server.close());
  return (...texts: string[]) =>
    chat(
      server.baseURL,
      texts.map((content, i) => ({ role: i % 2 === texts.length % 2 ? 'assistant' : 'user', content })),
    );
}

async function chat(baseURL: string, messages: readonly object[]) {
  const response = await fetch(`${baseURL}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages }),
  });
  const body = (await response.json()) as {
    choices?: [{ message: { content: string } }];
    error?: { message: string };
  };
  const header = (name: string) => response.headers.get(`x-verbatim-${name}`);
  return {
    status: response.status,
    reply: body.choices?.[0].message.content,
    message: body.error?.message ?? '',
    origin: [header('match'), header('source'), header('dataset'), header('score')],
  };
}

const dataset = write(CHATS, 'chats');

describe('the message of a miss', async () => {
  const ask = await start({ dataset });

  it('names the nearest turn, its score, and where the texts part', async () => {
    const asked = ASK.replace('06', '04');
    expect((await ask(asked)).message).toContain(
      "Nearest: turn 0 of conversation `first`, score 0.88, where '…for 2031-0⟦4⟧-07, pleas…' / '…for 2031-0⟦6⟧-07, pleas…'.",
    );
    expect((await ask(`Please: ${asked}`)).message).toContain("score 0.82, where '⟦Please: ⟧Write the");
    // Nothing is near, so the message is as it was.
    expect((await ask('Zzz')).message).toContain('No turn with the same beginning is known.');
    // What says more than the nearest turn stays.
    expect((await ask(ASK.toUpperCase())).message).toContain('it differs in case or punctuation only');
  });
});

describe('a limit of acts a second', () => {
  it('allows them again in the next second', () => {
    const limit = new PerSecond(2);
    const allowed = [0, 1, 2, 999, 1000, 1001, 1002].map((ms) => limit.take(ms));
    expect(allowed).toEqual([true, true, false, false, true, true, false]);
  });
});

describe('ON_MISS=nearest', async () => {
  const near = ASK.replace('07', '05');
  const server = await serve({ dataset, onMiss: 'nearest', nearestMin: 0.8, workers: 1, usage: 'estimate' });
  atEndOfFile(() => server.close());
  const user = (...texts: string[]) => texts.map((content) => ({ role: 'user', content }));
  const ask = (...texts: string[]) => chat(server.baseURL, user(...texts));

  it('answers by the nearest turn with as many turns before it, the first in file order', async () => {
    expect(await ask(near)).toMatchObject({
      status: 200,
      reply: 'The first report.',
      origin: ['nearest', 'first#1', 'chats', '0.88'],
    });
    expect(await ask('Hallo!', 'Hi.', near)).toMatchObject({ reply: 'The third report.' });
    expect(await ask('a', near)).toMatchObject({ status: 404 });
    expect(await ask('a', 'b', 'c', 'd', near)).toMatchObject({
      status: 404,
      origin: ['none', null, null, null],
    });
    // A match on the ladder goes before.
    expect(await ask(ASK)).toMatchObject({ origin: ['context', 'first#1', 'chats', null] });
  });

  it('counts messages with and without those of the system', async () => {
    const system = { role: 'system', content: 'Be brief.' };
    expect(await chat(server.baseURL, [system, ...user(near)])).toMatchObject({ reply: 'The first report.' });
    expect(await chat(server.baseURL, [system, ...user('Hi.', near)])).toMatchObject({
      reply: 'The third report.',
    });
  });

  it('is an error below the least score', async () => {
    expect(await ask(ASK.slice(20))).toMatchObject({
      status: 404,
      message: expect.stringContaining('score 0.7'),
    });
  });

  it('never answers with a turn that is not an assistant’s', async () => {
    const other = await start({
      dataset: write(CHATS.slice(-1), 'asked'),
      onMiss: 'nearest',
      nearestMin: 0.5,
    });
    expect(await other(near)).toMatchObject({ status: 404 });
  });

  it('takes the best score of all datasets, then the earlier one', async () => {
    const one = write([talk('far', ASK.replace('depot', 'store'), 'Far.')], 'one');
    const two = write([talk('near', ASK, 'Near.')], 'two');
    const three = write([talk('late', ASK, 'Late.')], 'three');
    const all = await start({ dataset: [one, two, three], onMiss: 'nearest', nearestMin: 0.5 });
    expect(await all(near)).toMatchObject({ reply: 'Near.', origin: ['nearest', 'near#1', 'two', '0.88'] });
  });
});

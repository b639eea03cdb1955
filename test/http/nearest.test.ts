/** The nearest turn, through HTTP: in the message of a miss, and as an answer. */

import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
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

describe('a dataset of many files', () => {
  it('has the nearest turns of one file with the same turns, also long ones', async () => {
    const words = (from: number) => Array.from({ length: 4200 }, (_, i) => `w${(from + i * i) % 9973}`);
    const texts = Array.from({ length: 12 }, (_, i) => words(100 * i).join(' '));
    const list = texts.map((text, i) => talk(`long${i}`, text, `Reply ${i}.`));
    mkdirSync(join(folder, 'many'));
    for (const [i, each] of list.entries()) write([each], join('many', `${String(i).padStart(2, '0')}`));
    const whole = write(list, 'many-in-one');
    const [one, many] = [await start({ dataset: whole }), await start({ dataset: join(folder, 'many') })];
    for (const i of [0, 7, 11]) {
      const asked = `${texts[i]} and more`;
      const named = (message: string) => /Nearest: .*? score [\d.]+/.exec(message)?.[0];
      const { message } = await one(asked);
      expect(named(message)).toMatch(new RegExp(`\`long${i}\`, .*score (1|0.99)`));
      expect(named((await many(asked)).message)).toBe(named(message));
    }
  });
});

describe('a limit of acts a second', () => {
  const allowed = (...times: number[]) => {
    const limit = new PerSecond(2);
    return times.filter((ms) => limit.take(ms));
  };

  it('allows as many in each second', () => {
    expect(allowed(0, 1, 1000, 1001, 2000)).toEqual([0, 1, 1000, 1001, 2000]);
  });

  it('allows none in the second after one with more, unless that one is over', () => {
    expect(allowed(0, 1, 2, 1000, 1001, 2000, 2001)).toEqual([0, 1, 2000, 2001]);
    expect(allowed(0, 1, 2, 2001, 2002)).toEqual([0, 1, 2001, 2002]);
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

  it('answers completions and responses, too', async () => {
    const post = async (path: string, body: object) => {
      const response = await fetch(`${server.baseURL}/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return [response.headers.get('x-verbatim-match'), await response.text()];
    };
    const found = ['nearest', expect.stringContaining('The first report.')];
    expect(await post('completions', { prompt: near })).toEqual(found);
    expect(await post('responses', { input: near })).toEqual(found);
    const [match, events] = await post('chat/completions', { messages: user(near), stream: true });
    expect([match, events]).toEqual(['nearest', expect.stringContaining('report')]);
    const prompts = [near, 'Zzz'];
    expect(await post('completions', { prompt: prompts })).toEqual([
      'none',
      expect.stringContaining('prompt 2 of 2'),
    ]);
  });

  it('is an error below the least score', async () => {
    expect(await ask(ASK.slice(20))).toMatchObject({
      status: 404,
      message: expect.stringContaining('score 0.7'),
    });
  });

  it('gives the same answers by sweeps, several at once', async () => {
    const swept = await start({ dataset, onMiss: 'nearest', nearestMin: 0.8, engine: 'sweep' });
    const [one, ...others] = await Promise.all([
      swept(near),
      swept(near),
      swept('Hallo!', 'Hi.', near),
      swept('Zzz'),
    ]);
    expect(one).toMatchObject({
      reply: 'The first report.',
      origin: ['nearest', 'first#1', 'chats', '0.88'],
    });
    expect(others.map(({ reply }) => reply)).toEqual(['The first report.', 'The third report.', undefined]);
    expect((await swept(ASK.slice(20))).message).toContain('score 0.7');
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
    mkdirSync(join(folder, 'parts'));
    for (const file of [one, two, three]) copyFileSync(file, join(folder, 'parts', basename(file)));
    const parts = await start({ dataset: join(folder, 'parts'), onMiss: 'nearest', nearestMin: 0.5 });
    expect(await parts(near)).toMatchObject({
      reply: 'Late.',
      origin: ['nearest', 'late#1', 'parts', '0.88'],
    });
  });
});

describe('POST /api/explain', async () => {
  const server = await serve({ dataset, workers: 1, usage: 'estimate' });
  atEndOfFile(() => server.close());
  const explain = async (body: object) => {
    const response = await fetch(`${server.url}/api/explain`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return (await response.json()) as Record<string, unknown>;
  };
  const user = (content: string) => ({ role: 'user', content });

  it('shows what is looked up, the turns that have the prompt, and how far each agrees', async () => {
    const messages = [{ role: 'system', content: 'Be brief.' }, user('Hello!'), user('Hi.'), user(ASK)];
    const whole = { dataset: 'chats', rung: 'prompt', role: 'gpt' };
    expect(await explain({ messages })).toEqual({
      histories: [
        ['Be brief.', 'Hello!', 'Hi.', ASK],
        ['Hello!', 'Hi.', ASK],
      ],
      override: null,
      answer: { match: 'context', source: 'later#3', dataset: 'chats' },
      error: null,
      rungs: [
        { rung: 'context', found: true, turns: null },
        { rung: 'prompt', found: true, turns: 4 },
        { rung: 'normalized', found: true, turns: 4 },
        { rung: 'nearest', found: false, turns: null },
      ],
      turns: [
        { ...whole, source: 'later#3', preceding: 2, whole: true, reply: 'The third report.' },
        { ...whole, source: 'first#1', preceding: 0, whole: false, reply: 'The first report.' },
        { ...whole, source: 'again#1', preceding: 0, whole: false, reply: 'The second report.' },
        { ...whole, source: 'asked#1', preceding: 0, whole: false, reply: 'Anyone?', role: 'human' },
      ],
      nearest: [
        expect.objectContaining({ source: 'first#1', score: 1, differs: null }),
        expect.objectContaining({ source: 'again#1', score: 1 }),
        expect.objectContaining({ source: 'later#3', score: 1 }),
      ],
    });
  });

  it('shows why a prompt misses, and the nearest turns', async () => {
    const prompt = ASK.replace('06', '04');
    const { answer, error, rungs, turns, nearest } = await explain({ prompt });
    expect([answer, turns]).toEqual([null, []]);
    expect(error).toContain('No recorded reply in `chats` for the prompt');
    expect(rungs).toEqual([
      { rung: 'context', found: false, turns: null },
      { rung: 'prompt', found: false, turns: 0 },
      { rung: 'normalized', found: false, turns: 0 },
      { rung: 'nearest', found: false, turns: null },
    ]);
    expect((nearest as object[])[0]).toEqual({
      source: 'first#1',
      dataset: 'chats',
      score: 0.882,
      text: ASK,
      differs: { asked: '…for 2031-0⟦4⟧-07, pleas…', recorded: '…for 2031-0⟦6⟧-07, pleas…' },
      reply: 'The first report.',
    });
  });

  it('finds turns that differ in white space only', async () => {
    const { answer, rungs, turns } = await explain({ input: ` ${ASK.replaceAll(' ', '  ')}` });
    expect(answer).toMatchObject({ match: 'normalized', source: 'first#1' });
    expect(rungs).toEqual(
      expect.arrayContaining([
        { rung: 'prompt', found: false, turns: 0 },
        { rung: 'normalized', found: true, turns: 4 },
      ]),
    );
    expect((turns as object[])[0]).toMatchObject({ rung: 'normalized', source: 'first#1' });
  });

  it("names a test's own reply, and doesn't use it up", async () => {
    server.reply('Own?', 'Own.').once();
    const { override, answer } = await explain({ messages: [user('Own?')] });
    expect([override, answer]).toEqual([1, null]);
    expect(await explain({ messages: [user('Own?')] })).toMatchObject({ override: 1 });
    expect(await chat(server.baseURL, [user('Own?')])).toMatchObject({ reply: 'Own.' });
    expect(await explain({ messages: [user('Own?')] })).toMatchObject({ override: null });
  });

  it('explains a request without text, and names an invalid field', async () => {
    expect(await explain({ messages: [user('')] })).toMatchObject({
      histories: [],
      answer: null,
      turns: [],
      nearest: [],
    });
    expect(await explain({ messages: 'Hi' })).toMatchObject({ error: { param: 'messages' } });
    expect(await explain({})).toMatchObject({
      error: { code: 'missing_required_parameter', param: 'messages' },
    });
    expect(await explain({ prompt: [1, 2] })).toMatchObject({
      error: { code: 'invalid_type', param: 'prompt' },
    });
  });
});

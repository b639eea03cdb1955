/** The error message for a prompt without a reply. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { post, serveApp } from '../support/app.js';
import { temporaryFolder } from '../support/temporary.js';

const START = 'Translate the following text, word by word, into a language of your choice: ';
const PROMPT = `${START}one.`;
const TRAIN = 'How do I get from Paris to Lyon by train?';
const FRIEND = 'Hi there friend';
const LONG_ID = `é\n\`${'x'.repeat(300)}`;
const talk = (id: string | undefined, ...texts: string[]) => ({
  id,
  conversations: texts.map((value, i) => ({ from: i % 2 === 0 ? 'human' : 'gpt', value })),
});
const folder = temporaryFolder();
const path = join(folder, 'dataset.json');

let base: string;
let sweeping: string;
let samples: readonly string[];
beforeAll(async () => {
  const list = [
    talk('abc', 'hello', 'hi', PROMPT, 'Eins.'),
    talk(undefined, 'well', 'then', 'goodbye'),
    talk(LONG_ID, 'x', 'the last words'),
    talk('docs', TRAIN, 'By TGV.', FRIEND, 'Well met.', 'The Unanswered one'),
    talk('single', 'a conversation of one turn'),
  ];
  writeFileSync(path, JSON.stringify(list));
  base = await serveApp(path);
  sweeping = await serveApp(path, {}, 'sweep');
  const sample = fileURLToPath(new URL('../../data/sample.json', import.meta.url));
  samples = [await serveApp(sample), await serveApp(sample, {}, 'sweep')];
});

async function messageOf(url: string, body: unknown): Promise<string> {
  const response = await post(url, body);
  const { error } = (await response.json()) as { error: { code: string; message: string } };
  expect([response.status, error.code]).toEqual([404, 'prompt_not_found']);
  return error.message;
}
const chat = (content: string, on = base) =>
  messageOf(`${on}/v1/chat/completions`, { messages: [{ role: 'user', content }] });
const complete = (prompt: string | string[]) => messageOf(`${base}/v1/completions`, { prompt });
const TRIED = " A prompt that has a reply: 'hello'.";
const EXAMPLE = ` No turn with the same beginning is known.${TRIED}`;
const quoted = (text: string) =>
  text.length > 60 ? `'${text.slice(0, 60)}…' (${text.length} characters)` : `'${text}'`;
const none = (what: string, prompt: string) =>
  `No recorded reply in \`dataset\` for ${what}, ${quoted(prompt)}.`;

describe('the error for a prompt that has no reply', () => {
  it.each([
    [
      'ends otherwise',
      `${START}two.`,
      `has the same beginning; the prompt differs from character ${START.length + 1} on`,
    ],
    ['is cut off', PROMPT.slice(0, 30), 'has the same beginning; the prompt differs from character 31 on'],
    ['goes on', `${PROMPT} Go!`, 'is a part of the prompt'],
    ['has a sentence before it', `You are a poet. ${PROMPT}`, 'is a part of the prompt'],
    ['has other case', PROMPT.toLowerCase(), 'differs in case or punctuation only'],
    ['has other punctuation', PROMPT.replaceAll(/[,.:]/g, '!'), 'differs in case or punctuation only'],
  ])('quotes a turn that is near, if the prompt %s', async (_what, prompt, how) => {
    const turn = `Nearest: turn 2 of conversation \`abc\`, '${START.slice(0, 60)}…': it ${how}.`;
    expect(await chat(prompt)).toBe(`${none('the last message', prompt)} ${turn}`);
  });

  it.each([
    ['hi THERE, friend!', FRIEND],
    ['How do I get from Paris to Rome', TRAIN],
    ['How do I get', undefined],
    ['How do I get from Nice to Lyon by train?', undefined],
    ['You are a poet. Hi there friend', FRIEND],
    ['Oh well, Hi there friend', FRIEND],
    ['Well hello Hi there friend', FRIEND],
    ['Please do tell me Hi there friend', undefined],
    ['Hi there friend, and hello', FRIEND],
    ['Hi there friend and hello', undefined],
    [`${TRAIN} and back`, TRAIN],
    ['the unanswered one', undefined],
    ['a conversation of one turn', undefined],
  ])('finds near turns as docs/errors.md says: %j', async (prompt, turn) => {
    expect(await chat(prompt)).toContain(turn === undefined ? EXAMPLE : `conversation \`docs\`, '${turn}'`);
  });

  it('says that the only equal turn has no reply', async () => {
    expect(await chat('goodbye')).toBe(
      `${none('the last message', 'goodbye')} Nearest: turn 2 of conversation \`1\` equals it, but has no reply.`,
    );
  });

  it.each(['unrelated', 'Translate', 'he', '?!'])('gives an example prompt, for %j', async (prompt) => {
    expect(await chat(prompt)).toBe(none('the last message', prompt) + EXAMPLE);
  });

  it('is one line, whatever the prompt holds', async () => {
    const prompt = ' \n\t\u0000\u001b[31m\u009b\u2028\u202e"\\';
    const expected = String.raw` \n\t\u0000\u001b[31m\u009b\u2028\u202e"\\`;
    expect(await chat(prompt)).toBe(
      `No recorded reply in \`dataset\` for the last message, '${expected}'.${EXAMPLE}`,
    );
    expect(await chat(`${'x'.repeat(59)}😀`)).toContain(`'${'x'.repeat(59)}\ufffd…' (61 characters)`);
  });

  it('gives only the example while sweeps answer, which search no similar turn', async () => {
    expect(await chat(`${START}two.`, sweeping)).toBe(none('the last message', `${START}two.`) + TRIED);
    expect(await chat('goodbye', sweeping)).toBe(none('the last message', 'goodbye') + TRIED);
  });

  it.each([
    'Wat is a mock server good for?',
    'Which is a mock server good for?',
    "What's a mock server good for?",
    'What is the mock server good for?',
    'What is a mock servr good for?',
    'Wat is a mcok servr good for',
  ])('quotes the example as the nearest prompt if it is similar: %j', async (prompt) => {
    for (const url of samples) {
      expect(await chat(prompt, url)).toBe(
        `${none('the last message', prompt)} Nearest known prompt: 'What is a mock server good for?'.`,
      );
    }
  });

  it.each(['', ' \n\t', '\u3000'])(
    'says that there is no text if the prompt is blank: %j',
    async (prompt) => {
      expect(await chat(prompt)).toBe('There is no text in the last message to look up.');
    },
  );

  it('shortens an id, and encodes it in ASCII', async () => {
    expect(await chat('the last words')).toContain(
      ` turn 1 of conversation \`%C3%A9%0A\`${'x'.repeat(61)}\` equals it`,
    );
  });

  it('names the first of several prompts without a reply', async () => {
    expect(await complete([PROMPT, `${START}two.`, 'goodbye'])).toContain(
      `${none('prompt 2 of 3', `${START}two.`)} Nearest: turn 2 of conversation \`abc\`,`,
    );
    expect(await complete('goodbye')).toMatch(
      / for the prompt, 'goodbye'\..* equals it, but has no reply\.$/,
    );
  });

  it('is the same for the Responses API', async () => {
    expect(await messageOf(`${base}/v1/responses`, { input: 'Hello!?' })).toBe(
      "No recorded reply in `dataset` for the last message of the input, 'Hello!?'. Nearest: turn 0 of conversation `abc`, 'hello': it differs in case or punctuation only.",
    );
  });

  it('quotes a turn that is near the last message of a chat template', async () => {
    expect(await complete(`[INST] ${START}two. [/INST]`)).toMatch(/Nearest: turn 2 of conversation `abc`,/);
  });

  it('gives only the example when the file can no longer be read', async () => {
    const other = join(folder, 'other.json');
    writeFileSync(other, JSON.stringify([talk('a', 'hello', 'hi'), talk('b', 'x', 'goodbye')]));
    const url = await serveApp(other);
    expect(await chat('goodbye', url)).toMatch(/has no reply\.$/);
    writeFileSync(other, JSON.stringify([talk('b', 'x', 'y')]));
    expect(await chat('goodbye', url)).toBe(none('the last message', 'goodbye') + EXAMPLE);
  });

  it("has the status MISS_STATUS on all of OpenAI's APIs", async () => {
    const url = await serveApp(path, { missStatus: 422 });
    for (const [api, body] of [
      ['chat/completions', { messages: [{ role: 'user', content: 'unrelated' }] }],
      ['completions', { prompt: 'unrelated' }],
      ['responses', { input: 'unrelated' }],
    ] as const) {
      const response = await post(`${url}/v1/${api}`, body);
      expect([response.status, response.headers.get('x-verbatim-match')]).toEqual([422, 'none']);
      expect(await response.json()).toMatchObject({ error: { code: 'prompt_not_found' } });
    }
    expect((await post(`${url}/v1/none`, {})).status).toBe(404);
  });
});

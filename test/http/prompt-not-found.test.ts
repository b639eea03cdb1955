/** What the error for a prompt without a reply says. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { post, serveApp } from '../support/app.js';
import { temporaryFolder } from '../support/temporary.js';

const START = 'Translate the following text, word by word, into a language of your choice: ';
const PROMPT = `${START}one.`;
const LONG_ID = `é\n\`${'x'.repeat(300)}`;
const talk = (id: string | undefined, ...texts: string[]) => ({
  id,
  conversations: texts.map((value, i) => ({ from: i % 2 === 0 ? 'human' : 'gpt', value })),
});
const folder = temporaryFolder();
const path = join(folder, 'dataset.json');

let base: string;
let sweeping: string;
beforeAll(async () => {
  const list = [
    talk('abc', 'hello', 'hi', PROMPT, 'Eins.'),
    talk(undefined, 'well', 'then', 'goodbye'),
    talk(LONG_ID, 'x', 'the last words'),
  ];
  writeFileSync(path, JSON.stringify(list));
  base = await serveApp(path);
  sweeping = await serveApp(path, {}, 'sweep');
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
const none = (what: string, length: number) =>
  `No turn of the dataset that has a reply equals ${what} (${length} characters), which was looked for as it is and with white space normalized.`;

describe('the error for a prompt that has no reply', () => {
  it.each([
    ['ends otherwise', `${START}two.`],
    ['is cut off behind its 64th byte', PROMPT.slice(0, 64)],
    ['has other white space, and ends otherwise', `${START.replaceAll(' ', '\n ')}two.`],
  ])('names a turn that starts alike, if the prompt %s', async (_what, prompt) => {
    expect(await chat(prompt)).toBe(
      `${none('the last message', prompt.length)} Turn 2 of conversation \`abc\` starts alike.`,
    );
  });

  it('says that a turn has no reply, if that is the only one that is equal', async () => {
    expect(await chat('goodbye')).toBe(
      `${none('the last message', 7)} Turn 2 of conversation \`1\` equals it, but has no reply.`,
    );
  });

  it.each(['unrelated', PROMPT.slice(0, 63), ' \n', 'hello, too'])('says no more for %j', async (prompt) => {
    expect(await chat(prompt)).toBe(none('the last message', prompt.length));
  });

  it('says whether a context was tried', async () => {
    const messages = [
      { role: 'user', content: 'hello' },
      { role: 'assistant', content: 'hi' },
      { role: 'user', content: 'unrelated' },
    ];
    expect(await messageOf(`${base}/v1/chat/completions`, { messages })).toMatch(
      /\(9 characters\), which was looked for in its context, alone, and with white space normalized\.$/,
    );
  });

  it('says no more while sweeps answer', async () => {
    expect(await chat(`${START}two.`, sweeping)).toBe(none('the last message', START.length + 4));
    expect(await chat('goodbye', sweeping)).toBe(none('the last message', 7));
  });

  it('shortens an id, and spells it in ASCII', async () => {
    expect(await chat('the last words')).toContain(
      ` Turn 1 of conversation \`%C3%A9%0A\`${'x'.repeat(61)}\` equals it`,
    );
  });

  it('speaks of the first of several prompts that has none', async () => {
    expect(await complete([PROMPT, `${START}two.`, 'goodbye'])).toBe(
      `${none('prompt 2 of 3', START.length + 4)} Turn 2 of conversation \`abc\` starts alike.`,
    );
    expect(await complete('goodbye')).toMatch(/^No turn .* the prompt \(7 .* equals it, but has no reply\.$/);
  });

  it('names a turn that is like the last message of a chat template', async () => {
    expect(await complete(`[INST] ${START}two. [/INST]`)).toMatch(
      /Turn 2 of conversation `abc` starts alike\.$/,
    );
  });

  it('says no more when the file can be read no longer', async () => {
    const other = join(folder, 'other.json');
    writeFileSync(other, JSON.stringify([talk('a', 'x', 'goodbye')]));
    const url = await serveApp(other);
    expect(await chat('goodbye', url)).toMatch(/has no reply\.$/);
    writeFileSync(other, JSON.stringify([talk('b', 'x', 'y')]));
    expect(await chat('goodbye', url)).toBe(none('the last message', 7));
  });
});

/** The thinking of recorded replies, which many clients don't send back. */

import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { post, serveApp } from '../support/app.js';
import { temporaryFolder } from '../support/temporary.js';

const thinking = '<think>\nOkay, the user wants a colour.\n</think>\n\n';
const talk = (...texts: string[]) => ({
  messages: texts.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content })),
});
const path = join(mkdtempSync(join(temporaryFolder(), 'thinking-')), 'dataset.json');
writeFileSync(
  path,
  JSON.stringify([
    talk('A colour?', `${thinking}Red.`, 'Why?', `${thinking}It is warm.`),
    talk('A colour?', `${thinking}Blue.`, 'Why?', `${thinking}It is calm.`),
  ]),
);

describe.each(['sweep', 'index'] as const)('by the engine %s, a conversation', (engine) => {
  let base: string;
  beforeAll(async () => {
    base = await serveApp(path, {}, engine);
  });
  const ask = async (...messages: object[]) => {
    const response = await post(`${base}/v1/chat/completions`, { messages });
    const { choices } = (await response.json()) as { choices?: { message: { content: string } }[] };
    return [response.headers.get('x-verbatim-match'), choices?.[0]?.message.content];
  };
  const first = { role: 'user', content: 'A colour?' };
  const last = { role: 'user', content: 'Why?' };

  it.each([
    ['with the thinking', (answer: string) => ({ content: thinking + answer })],
    ['without it', (answer: string) => ({ content: answer })],
    ['without it, but with the line feeds after it', (answer: string) => ({ content: `\n\n${answer}` })],
    ['with other thinking', (answer: string) => ({ content: `<think>Hm.</think>${answer}` })],
    ['with it in another field', (content: string) => ({ content, reasoning_content: 'Okay.' })],
    ['without it, in parts', (text: string) => ({ content: [{ type: 'text', text }] })],
  ])('%s continues with its own reply, thinking included', async (_name, replied) => {
    const reply = (answer: string) => ({ role: 'assistant', ...replied(answer) });
    expect(await ask(first, reply('Red.'), last)).toEqual(['context', `${thinking}It is warm.`]);
    expect(await ask(first, reply('Blue.'), last)).toEqual(['context', `${thinking}It is calm.`]);
    // No conversation has this context.
    expect(await ask(first, reply('Green.'), last)).toEqual(['prompt', `${thinking}It is warm.`]);
  });
});

/** Chats whose only user message is a prompt that a chat template built. */

import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { serve } from '#dist/index.js';
import { post, serveApp } from '../support/app.js';
import { temporaryFolder } from '../support/temporary.js';

const PREFACE =
  'Below is an instruction that describes a task. Write a response that completes the request.\n\n';
const BARE = `${PREFACE}### Instruction:\nName a colour.\n\n### Response:\n`;
const WITH_INPUT = `${PREFACE}### Instruction:\nDo\n\n### Input:\nctx\n\n### Response:\n`;
const VERBATIM = '### Instruction:\nSum up.\n\n### Response:';

const path = join(mkdtempSync(join(temporaryFolder(), 'templates-')), 'dataset.json');
const talk = (...texts: string[]) => ({ messages: texts.map((content) => ({ role: 'user', content })) });
writeFileSync(
  path,
  JSON.stringify([
    talk('Do\nctx', 'A1'),
    talk('Name a colour.', 'A2'),
    talk('hello', 'Hi!', 'continue', 'wrong'),
    talk('bye', 'Bye.', 'continue', 'right'),
    talk('Sum up.', 'of the text'),
    talk(VERBATIM, 'of the prompt'),
  ]),
);

const user = (content: string) => ({ role: 'user', content });

describe.each(['sweep', 'index'] as const)('by the engine %s, a message that a template built', (engine) => {
  let base: string;
  beforeAll(async () => {
    base = await serveApp(path, {}, engine);
  });

  interface Chat {
    readonly choices?: readonly { readonly message: { readonly content: string } }[];
    readonly usage?: { readonly prompt_tokens: number };
  }
  const ask = async (...messages: object[]) => {
    const response = await post(`${base}/v1/chat/completions`, { messages });
    return { response, chat: (await response.json()) as Chat };
  };
  const answer = async (...messages: object[]) => {
    const { response, chat } = await ask(...messages);
    return [response.headers.get('x-verbatim-match'), chat.choices?.[0]?.message.content];
  };

  it('is found as its instruction and input', async () => {
    expect(await answer(user(WITH_INPUT))).toEqual(['prompt', 'A1']);
    expect(await answer(user(BARE))).toEqual(['prompt', 'A2']);
  });

  it('is found below a system message, and above a reply', async () => {
    const reply = { role: 'assistant', content: 'A1' };
    expect(await answer({ role: 'system', content: 'Be brief.' }, user(WITH_INPUT), reply)).toEqual([
      'prompt',
      'A1',
    ]);
  });

  it('is found with the history in it', async () => {
    const built = 'USER: bye ASSISTANT: Bye.</s>USER: continue ASSISTANT:';
    expect(await answer(user(built))).toEqual(['prompt', 'right']);
  });

  it('is found as it was sent, if a turn equals it', async () => {
    expect(await answer(user(VERBATIM))).toEqual(['context', 'of the prompt']);
  });

  it('is found trimmed, if it has white space around it', async () => {
    expect(await answer(user(BARE.replace('colour.', 'colour. ')))).toEqual(['prompt', 'A2']);
  });

  it('is not found after an earlier user message', async () => {
    expect(await answer(user('hello'), user(BARE))).toEqual(['none', undefined]);
  });

  it('is counted as it was sent, and leaves the counts of turns as they were', async () => {
    const built = await ask(user(WITH_INPUT));
    const plain = await ask(user('Do\nctx'));
    expect(built.chat.usage?.prompt_tokens).toBeGreaterThan((plain.chat.usage?.prompt_tokens ?? 0) + 15);
    expect((await ask(user(WITH_INPUT))).chat.usage).toEqual(built.chat.usage);
  });

  it('is quoted as it was sent if it is not found', async () => {
    const { response, chat } = await ask(user('### Instruction:\nNo such turn.\n\n### Response:'));
    expect(response.status).toBe(404);
    expect(JSON.stringify(chat)).toContain('### Instruction:');
  });

  it('is found by POST /v1/responses', async () => {
    const response = await post(`${base}/v1/responses`, { input: WITH_INPUT });
    expect(response.headers.get('x-verbatim-match')).toBe('prompt');
    expect(JSON.stringify(await response.json())).toContain('"text":"A1"');
  });
});

it('of Alpaca finds the records that it is made for', async () => {
  const dataset = join(temporaryFolder(), 'alpaca.jsonl');
  const records = [
    { instruction: 'Do', input: 'ctx', output: 'A1' },
    { instruction: 'Name a colour.', input: '', output: 'A2' },
  ];
  writeFileSync(dataset, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  const server = await serve({ dataset, usage: 'estimate' });
  onTestFinished(() => server.close());
  for (const [prompt, reply] of [
    [WITH_INPUT, 'A1'],
    [BARE, 'A2'],
  ] as const) {
    const response = await post(`${server.baseURL}/chat/completions`, { messages: [user(prompt)] });
    expect(response.headers.get('x-verbatim-match')).toBe('prompt');
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: reply } }] });
  }
});

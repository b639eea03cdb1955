/** Prompts that chat templates rendered from turns that differ only in white space, and prompts of white space only. */

import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { post, serveApp } from '../support/app.js';
import { temporaryFolder } from '../support/temporary.js';

const talk = (...texts: string[]) => ({ messages: texts.map((content) => ({ role: 'user', content })) });
const path = join(mkdtempSync(join(temporaryFolder(), 'space-')), 'dataset.json');
writeFileSync(
  path,
  JSON.stringify([
    talk('hello', 'Hi!', 'continue', 'wrong'),
    talk('bye', 'Bye.\n', 'continue', 'right'),
    talk('hey there', 'of the first'),
    talk('hey there\n', 'of the second'),
    talk('nothing to say', '', 'and now?'),
  ]),
);

describe.each(['sweep', 'index'] as const)('by the engine %s, a prompt', (engine) => {
  let base: string;
  beforeAll(async () => {
    base = await serveApp(path, {}, engine);
  });
  const answer = async (prompt: string) => {
    const response = await post(`${base}/v1/completions`, { prompt });
    const { choices } = (await response.json()) as { choices?: { text: string }[] };
    return [response.headers.get('x-verbatim-match'), choices?.[0]?.text];
  };

  it.each([
    [
      'ChatML',
      '<|im_start|>user\nbye<|im_end|>\n<|im_start|>assistant\nBye.\n<|im_end|>\n<|im_start|>user\ncontinue<|im_end|>\n<|im_start|>assistant\n',
    ],
    [
      'the server itself',
      '<|im_start|>user<|im_sep|>bye<|im_end|><|im_start|>assistant<|im_sep|>Bye.\n<|im_end|><|im_start|>user<|im_sep|>continue<|im_end|><|im_start|>assistant<|im_sep|>',
    ],
    ['Vicuna', 'A chat. USER: bye ASSISTANT: Bye.\n</s>USER: continue ASSISTANT:'],
    ['Llama 2', '<s>[INST] bye [/INST] Bye.\n </s><s>[INST] continue [/INST]'],
    ['Mistral', '<s>[INST] bye[/INST] Bye.\n</s>[INST] continue[/INST]'],
    ['the AI SDK', 'user:\nbye\n\nassistant:\nBye.\n\n\nuser:\ncontinue\n\nassistant:\n'],
  ])('by the template of %s keeps the white space of its messages', async (_name, prompt) => {
    expect(await answer(prompt)).toEqual(['context', 'right']);
  });

  it('by a template differs from one with another last line feed', async () => {
    const chatMl = (text: string) => `<|im_start|>user\n${text}<|im_end|>\n<|im_start|>assistant\n`;
    expect(await answer(chatMl('hey there'))).toEqual(['context', 'of the first']);
    expect(await answer(chatMl('hey there\n'))).toEqual(['context', 'of the second']);
    // A text that matches no turn as it is matches as its trimmed text.
    expect(await answer(chatMl('hey there\n\n'))).toEqual(['context', 'of the first']);
  });

  it.each([' ', '   \n ', '\t'])('of white space only is rejected: %j', async (prompt) => {
    expect(await answer(prompt)).toEqual(['none', undefined]);
  });
});

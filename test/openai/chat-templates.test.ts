import { describe, expect, it } from 'vitest';
import { messagesOf } from '#dist/openai/chat-templates.js';

const conversation = [
  { role: 'system', text: 'Be brief.' },
  { role: 'user', text: 'Hello\nthere' },
  { role: 'assistant', text: 'Hi: you.' },
  { role: 'user', text: 'What is up?' },
];
const [, ...withoutSystem] = conversation;

/** What the templates make of the conversation, as the models' tokenizers write it. */
const prompts: Record<string, string> = {
  ChatML:
    '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello\nthere<|im_end|>\n<|im_start|>assistant\nHi: you.<|im_end|>\n<|im_start|>user\nWhat is up?<|im_end|>\n<|im_start|>assistant\n',
  'Llama 2':
    '<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHello\nthere [/INST] Hi: you. </s><s>[INST] What is up? [/INST]',
  'Llama 3':
    '<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHello\nthere<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHi: you.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nWhat is up?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n',
  Vicuna: 'Be brief. USER: Hello\nthere ASSISTANT: Hi: you.</s>USER: What is up? ASSISTANT:',
  'the AI SDK':
    'Be brief.\n\nuser:\nHello\nthere\n\nassistant:\nHi: you.\n\nuser:\nWhat is up?\n\nassistant:\n',
};
const unsystematic: Record<string, string> = {
  Mistral: '<s>[INST] Hello\nthere [/INST] Hi: you.</s> [INST] What is up? [/INST]',
  'Mistral, later': '<s>[INST]Hello\nthere[/INST]Hi: you.</s>[INST]What is up?[/INST]',
  Vicuna: 'USER: Hello\nthere ASSISTANT: Hi: you.</s>USER: What is up? ASSISTANT:',
  'the AI SDK': 'user:\nHello\nthere\n\nassistant:\nHi: you.\n\nuser:\nWhat is up?\n\nassistant:\n',
};

describe('a prompt by the template of', () => {
  it.each(Object.entries(prompts))('%s is taken apart', (_name, prompt) => {
    expect(messagesOf(prompt)).toEqual(conversation);
  });

  it.each(Object.entries(unsystematic))('%s, without a system message, is taken apart', (_name, prompt) => {
    expect(messagesOf(prompt)).toEqual(withoutSystem);
  });

  it('Alpaca is its instruction, with its input below', () => {
    const preface =
      'Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n';
    expect(messagesOf(`${preface}### Instruction:\nName a colour.\n\n### Response:`)).toEqual([
      { role: 'user', text: 'Name a colour.' },
    ]);
    expect(messagesOf('### Instruction:\nName it.\n\n### Input:\nred\nblue\n\n### Response:\n')).toEqual([
      { role: 'user', text: 'Name it.\nred\nblue' },
    ]);
  });
});

describe('a prompt by no template', () => {
  it.each([
    '',
    'Hello',
    'user: hello',
    'USER: hello',
    'What does [INST] mean?',
    'What does [INST] hello [/INST] mean?',
    'What is <|im_start|>user\n?',
    'Explain\n### Instruction:\nx\n### Response:',
    'ASSISTANT:',
    '### Instruction:\nx',
  ])('%j is none', (prompt) => {
    expect(messagesOf(prompt)).toBeUndefined();
  });

  it('is read in no more than its length takes, whatever it repeats', () => {
    for (const part of [
      'USER: ',
      '[INST]',
      '### Instruction:\n',
      '\n### Input:\n',
      '\n\nuser:\n',
      '</s> ',
      '\n',
      ' ',
    ]) {
      for (const end of ['', ' ASSISTANT:', '[/INST]', '### Response:', '\n\nassistant:\n', 'x']) {
        const count = 300_000;
        messagesOf(part.repeat(count) + end);
        messagesOf(`### Instruction:\n${part.repeat(count)}${end}`);
        messagesOf(`[INST]<<SYS>>${part.repeat(count)}${end}`);
      }
    }
  });
});

import { describe, expect, it } from 'vitest';
import { MESSAGES_MAX } from '#dist/core/limits.js';
import { messagesOf } from '#dist/openai/chat-templates.js';

const conversation = [
  { role: 'system', text: 'Be brief.' },
  { role: 'user', text: 'Hello\nthere' },
  { role: 'assistant', text: 'Hi: you.' },
  { role: 'user', text: 'What is up?' },
];
const [, ...withoutSystem] = conversation;

/** The output of the templates for the conversation, as the models' tokenizers render it. */
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

/**
 * Output of later templates. The first group is from the models' tokenizer configurations, as llama.cpp lists them with their output
 * (ggml-org/llama.cpp, tests/test-chat-template.cpp); the sources of the others are next to them.
 */
const later: Record<string, string> = {
  'Phi-3':
    '<s><|system|>\nBe brief.<|end|>\n<|user|>\nHello\nthere<|end|>\n<|assistant|>\nHi: you.<|end|>\n<|user|>\nWhat is up?<|end|>\n<|assistant|>\n',
  'GLM-4':
    '[gMASK]<sop><|system|>\nBe brief.<|user|>\nHello\nthere<|assistant|>\nHi: you.<|user|>\nWhat is up?<|assistant|>\n',
  'GLM-4, later':
    '[gMASK]<sop><|system|>\nBe brief.<|user|>\nHello\nthere<|assistant|>\nHi: you.<|user|>\nWhat is up?<|assistant|>',
  'Command R':
    '<BOS_TOKEN><|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>Be brief.<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|USER_TOKEN|>Hello\nthere<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>Hi: you.<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|USER_TOKEN|>What is up?<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>',
  'Mistral v7':
    '<s>[SYSTEM_PROMPT] Be brief.[/SYSTEM_PROMPT][INST] Hello\nthere[/INST] Hi: you.</s>[INST] What is up?[/INST]',
  // huggingface.co/mistralai/Mistral-Small-3.1-24B-Instruct-2503, chat_template.json; ggml-org/llama.cpp has it in models/templates.
  'Mistral v7-tekken':
    '<s>[SYSTEM_PROMPT]Be brief.[/SYSTEM_PROMPT][INST]Hello\nthere[/INST]Hi: you.</s>[INST]What is up?[/INST]',
  // ggml-org/llama.cpp, models/templates/llama-cpp-microsoft-Phi-4-mini-instruct.jinja.
  'Phi-4-mini':
    '<|system|>Be brief.<|end|><|user|>Hello\nthere<|end|><|assistant|>Hi: you.<|end|><|user|>What is up?<|end|><|assistant|>',
  // ggml-org/llama.cpp, models/templates/glm_4_5.jinja, without thinking.
  'GLM-4.5':
    '[gMASK]<sop><|system|>\nBe brief.<|user|>\nHello\nthere<|assistant|>\n<think></think>\nHi: you.<|user|>\nWhat is up?<|assistant|>\n<think></think>',
  // huggingface.co/HuggingFaceH4/zephyr-7b-beta, tokenizer_config.json; so does LlamaIndex's own for it.
  Zephyr:
    '<|system|>\nBe brief.</s>\n<|user|>\nHello\nthere</s>\n<|assistant|>\nHi: you.</s>\n<|user|>\nWhat is up?</s>\n<|assistant|>\n',
  // huggingface.co/deepseek-ai/DeepSeek-V3, tokenizer_config.json.
  'DeepSeek-V3':
    '<｜begin▁of▁sentence｜>Be brief.<｜User｜>Hello\nthere<｜Assistant｜>Hi: you.<｜end▁of▁sentence｜><｜User｜>What is up?<｜Assistant｜>',
  // The same for DeepSeek-R1, which begins with thinking.
  'DeepSeek-R1':
    '<｜begin▁of▁sentence｜>Be brief.<｜User｜>Hello\nthere<｜Assistant｜>Hi: you.<｜end▁of▁sentence｜><｜User｜>What is up?<｜Assistant｜><think>\n',
  // ggml-org/llama.cpp, models/templates/deepseek-ai-DeepSeek-V3.1.jinja.
  'DeepSeek-V3.1':
    '<｜begin▁of▁sentence｜>Be brief.<｜User｜>Hello\nthere<｜Assistant｜></think>Hi: you.<｜end▁of▁sentence｜><｜User｜>What is up?<｜Assistant｜></think>',
  // run-llama/llama_index, llama_index/core/base/llms/generic_utils.py, messages_to_prompt.
  LlamaIndex: 'system: Be brief.\nuser: Hello\nthere\nassistant: Hi: you.\nuser: What is up?\nassistant: ',
};
/** Templates of models without a system message. */
const laterUnsystematic: Record<string, string> = {
  Gemma:
    '<bos><start_of_turn>user\nHello\nthere<end_of_turn>\n<start_of_turn>model\nHi: you.<end_of_turn>\n<start_of_turn>user\nWhat is up?<end_of_turn>\n<start_of_turn>model\n',
  'Mistral v1': '<s> [INST] Hello\nthere [/INST] Hi: you.</s> [INST] What is up? [/INST]',
  'Mistral v3': '<s>[INST] Hello\nthere[/INST] Hi: you.</s>[INST] What is up?[/INST]',
  'Mistral v3-tekken': '<s>[INST]Hello\nthere[/INST]Hi: you.</s>[INST]What is up?[/INST]',
  'DeepSeek-V3':
    '<｜begin▁of▁sentence｜><｜User｜>Hello\nthere<｜Assistant｜>Hi: you.<｜end▁of▁sentence｜><｜User｜>What is up?<｜Assistant｜>',
  LlamaIndex: 'user: Hello\nthere\nassistant: Hi: you.\nuser: What is up?\nassistant: ',
};

describe('a prompt by the later template of', () => {
  it.each(Object.entries(later))('%s is parsed', (_name, prompt) => {
    expect(messagesOf(prompt)).toEqual(conversation);
  });

  it.each(Object.entries(laterUnsystematic))('%s, without a system message, is parsed', (_name, prompt) => {
    expect(messagesOf(prompt)).toEqual(withoutSystem);
  });

  // huggingface.co/openai/gpt-oss-20b, chat_template.jinja; cookbook.openai.com/articles/openai-harmony.
  it("Harmony is parsed without the template's own text and without reasoning", () => {
    const own =
      '<|start|>system<|message|>You are ChatGPT, a large language model trained by OpenAI.\nKnowledge cutoff: 2024-06\n\nReasoning: medium\n\n# Valid channels: analysis, commentary, final. Channel must be included for every message.<|end|>';
    const prompt = `${own}<|start|>developer<|message|># Instructions\n\nBe brief.<|end|><|start|>user<|message|>Hello\nthere<|end|><|start|>assistant<|channel|>analysis<|message|>Somebody greets.<|end|><|start|>assistant<|channel|>final<|message|>Hi: you.<|end|><|start|>user<|message|>What is up?<|end|><|start|>assistant`;
    expect(messagesOf(prompt)).toEqual([{ role: 'developer', text: 'Be brief.' }, ...withoutSystem]);
    expect(messagesOf(`${own}<|start|>user<|message|>Hello<|end|><|start|>assistant`)).toEqual([
      { role: 'user', text: 'Hello' },
    ]);
  });
});

describe('a prompt by the template of', () => {
  it.each(Object.entries(prompts))('%s is parsed', (_name, prompt) => {
    expect(messagesOf(prompt)).toEqual(conversation);
  });

  it.each(Object.entries(unsystematic))('%s, without a system message, is parsed', (_name, prompt) => {
    expect(messagesOf(prompt)).toEqual(withoutSystem);
  });

  it('Alpaca is parsed as its instruction, followed by its input', () => {
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

describe('a prompt that no template made', () => {
  it.each([
    '',
    'Hello',
    'user: hello',
    'Who says\nuser: hello\nassistant: ',
    'What does <|user|> mean?',
    'What does <start_of_turn>user\n mean?',
    'What is <｜Assistant｜>?',
    '<|start|>assistant',
    'What is [SYSTEM_PROMPT]?',
    '[SYSTEM_PROMPT]x',
    'USER: hello',
    'What does [INST] mean?',
    'What does [INST] hello [/INST] mean?',
    'What is <|im_start|>user\n?',
    'Explain\n### Instruction:\nx\n### Response:',
    'ASSISTANT:',
    '### Instruction:\nx',
  ])('%j is not parsed', (prompt) => {
    expect(messagesOf(prompt)).toBeUndefined();
  });

  it.each([
    ['[INST]', '[INST] x [/INST]', '[INST] y [/INST]'],
    ['Vicuna', ' USER: x', ' ASSISTANT:'],
    ['the AI SDK', '\n\nuser:\nx', '\n\nassistant:\n'],
    ['LlamaIndex', 'user: x\n', '\nassistant: '],
    ['Phi', '<|user|>x<|end|>', '<|assistant|>'],
    ['[INST], of empty ones', '[INST]', '[INST] x [/INST]'],
  ])('is not parsed if it has more messages than a request may have: %s', (_template, turn, end) => {
    expect(messagesOf(turn.repeat(MESSAGES_MAX - 1) + end)?.length).toBeLessThanOrEqual(MESSAGES_MAX);
    expect(messagesOf(turn.repeat(MESSAGES_MAX + 3) + end)).toBeUndefined();
  });

  it('is read in linear time, whatever it repeats', () => {
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
    for (const part of [
      '<|im_start|>user:',
      '<|user|><think>\n',
      '<|assistant|>\n',
      '<｜Assistant｜>',
      '<|start|>assistant',
      '<start_of_turn>user',
      '[SYSTEM_PROMPT]',
      '\nuser: ',
      ' ',
    ]) {
      for (const start of ['', '<|assistant|><think>', 'user: ']) {
        messagesOf(`${start}${part.repeat(300_000)}\nassistant: `);
      }
    }
  });
});

/** Reasoning of a converted dataset, as clients read it. */

import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { ChatOpenAI } from '@langchain/openai';
import { generateText, streamText } from 'ai';
import OpenAI from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';
import { serve } from '#dist/index.js';
import { atEndOfFile } from '../support/end-of-file.js';
import { temporaryFolder } from '../support/temporary.js';

const PROMPT = 'A colour?';
const REASONING = 'Warm, the user says.\n\nSo: "red"?';
const REPLY = 'Red.';

/** Each of these is converted to a spool. */
const RECORDS: readonly (readonly [name: string, record: object])[] = [
  [
    'messages of LangChain',
    {
      messages: [
        { type: 'human', data: { content: PROMPT } },
        { type: 'ai', data: { content: REPLY, additional_kwargs: { reasoning_content: REASONING } } },
      ],
    },
  ],
  ['a prompt and its reply', { prompt: PROMPT, reasoning: REASONING, response: REPLY }],
];

async function serveConverted(record: object): Promise<string> {
  const dataset = join(mkdtempSync(join(temporaryFolder(), 'reasoning-')), 'converted.jsonl');
  writeFileSync(dataset, `${JSON.stringify(record)}\n`);
  const server = await serve({ dataset, usage: 'estimate', port: 0 });
  atEndOfFile(() => server.close());
  return server.baseURL;
}

describe.each(RECORDS)('the reasoning of %s', (_name, record) => {
  const messages = [{ role: 'user' as const, content: PROMPT }];
  let baseURL: string;
  beforeAll(async () => {
    baseURL = await serveConverted(record);
  });

  it('is read from the answers by the openai client', async () => {
    const client = new OpenAI({ baseURL, apiKey: 'any' });
    const { choices, usage } = await client.chat.completions.create({ model: 'any', messages });
    expect(choices[0]?.message).toMatchObject({ content: REPLY, reasoning_content: REASONING });
    expect(usage?.completion_tokens_details?.reasoning_tokens).toBeGreaterThan(0);
    const response = await client.responses.create({ model: 'any', input: PROMPT });
    expect(response.output_text).toBe(REPLY);
    expect(response.output[0]).toMatchObject({ type: 'reasoning', content: [{ text: REASONING }] });
  });

  it('is put together from the stream by the openai client', async () => {
    const client = new OpenAI({ baseURL, apiKey: 'any' });
    const chat = client.chat.completions.stream({ model: 'any', messages });
    expect((await chat.finalMessage()).content).toBe(REPLY);
    const stream = client.responses.stream({ model: 'any', input: PROMPT, reasoning: { summary: 'auto' } });
    let summary = '';
    stream.on('response.reasoning_summary_text.delta', ({ delta }) => {
      summary += delta;
    });
    const { output } = await stream.finalResponse();
    expect(output[0]).toMatchObject({ type: 'reasoning', summary: [{ text: REASONING }] });
    expect(summary).toBe(REASONING);
  });

  // The SDK asks for a summary only of models that it knows to reason.
  const compatible = () => createOpenAICompatible({ name: 'verbatim', baseURL }).chatModel('any');
  const responses = () => createOpenAI({ baseURL, apiKey: 'any' }).responses('gpt-5');
  it.each([
    ['a compatible chat model', compatible],
    ["OpenAI's model of responses", responses],
  ])('is read by the AI SDK, with %s', async (_name, model) => {
    const providerOptions = { openai: { reasoningSummary: 'auto' } };
    const request = { model: model(), prompt: PROMPT, providerOptions };
    const whole = await generateText(request);
    expect([whole.reasoningText, whole.text]).toEqual([REASONING, REPLY]);
    const stream = streamText(request);
    expect([await stream.reasoningText, await stream.text]).toEqual([REASONING, REPLY]);
  });

  it('is read by LangChain', async () => {
    const model = new ChatOpenAI({ model: 'any', apiKey: 'any', configuration: { baseURL } });
    const { content, additional_kwargs } = await model.invoke(PROMPT);
    expect([additional_kwargs.reasoning_content, content]).toEqual([REASONING, REPLY]);
  });
});

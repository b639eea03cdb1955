/** The AI SDK, with its OpenAI provider and its provider for OpenAI-compatible services. */

import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import {
  APICallError,
  generateText,
  jsonSchema,
  type LanguageModel,
  type ModelMessage,
  stepCountIs,
  streamText,
  tool,
} from 'ai';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  expectCounts,
  PROMPT,
  REPLY,
  SYSTEM,
  SYSTEM_REPLY,
  serveRecorded,
  serveRecordedBusyOnce,
  TALK,
  TALK_REPLY,
  TOOL_INPUT,
  TOOL_NAME,
  TOOL_PROMPT,
  TOOL_REPLY,
  TOOL_RESULT,
  watchedFetch,
} from '../support/recorded.js';

const MODELS: readonly [string, (baseURL: string, fetch?: typeof globalThis.fetch) => LanguageModel][] = [
  ["OpenAI's default model, of responses,", (baseURL, fetch) => openai(baseURL, fetch)('recorded')],
  ["OpenAI's chat model", (baseURL, fetch) => openai(baseURL, fetch).chat('recorded')],
  ["OpenAI's completion model", (baseURL, fetch) => openai(baseURL, fetch).completion('recorded')],
  ['a compatible chat model', (baseURL, fetch) => compatible(baseURL, fetch).chatModel('recorded')],
  [
    'a compatible completion model',
    (baseURL, fetch) => compatible(baseURL, fetch).completionModel('recorded'),
  ],
];

const openai = (baseURL: string, fetch = globalThis.fetch) => createOpenAI({ baseURL, apiKey: 'any', fetch });
const compatible = (baseURL: string, fetch = globalThis.fetch) =>
  createOpenAICompatible({ name: 'verbatim', baseURL, includeUsage: true, fetch });

const messages = TALK.map(
  (content, i): ModelMessage => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }),
);

let baseUrl: string;
beforeAll(async () => {
  baseUrl = (await serveRecorded()).baseUrl;
});

interface SdkUsage {
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
  readonly totalTokens: number | undefined;
}

const countsOf = ({ inputTokens, outputTokens, totalTokens }: SdkUsage) => ({
  prompt: inputTokens,
  completion: outputTokens,
  total: totalTokens,
});

describe.each(MODELS)('%s of the AI SDK', (_name, modelAt) => {
  it('generates the recorded reply', async () => {
    const { text, finishReason, usage, response } = await generateText({
      model: modelAt(baseUrl),
      prompt: PROMPT,
    });
    expect([text, finishReason]).toEqual([REPLY, 'stop']);
    expectCounts(countsOf(usage));
    expect(response.id).toMatch(/^(?:chatcmpl-|cmpl-|resp_)/);
    expect(response.timestamp).toEqual(new Date(1_700_000_000_000));
    expect(response.headers?.['x-verbatim-source']).toBe('alone#1');
  });

  it('streams it in pieces, and reports as many tokens', async () => {
    const model = modelAt(baseUrl);
    const stream = streamText({ model, prompt: PROMPT });
    const pieces: string[] = [];
    for await (const piece of stream.textStream) pieces.push(piece);
    expect(pieces.length).toBeGreaterThan(5);
    expect(pieces.join('')).toBe(REPLY);
    expect(await stream.finishReason).toBe('stop');
    const usage = countsOf(await stream.usage);
    expectCounts(usage);
    expect(usage).toEqual(countsOf((await generateText({ model, prompt: PROMPT })).usage));
  });

  it('gets the reply of the conversation that it sends', async () => {
    const model = modelAt(baseUrl);
    expect((await generateText({ model, messages })).text).toBe(TALK_REPLY);
    expect(await streamText({ model, messages }).text).toBe(TALK_REPLY);
  });

  it('gets the reply with a system message', async () => {
    const model = modelAt(baseUrl);
    expect((await generateText({ model, system: SYSTEM, messages })).text).toBe(SYSTEM_REPLY);
    expect(await streamText({ model, system: SYSTEM, messages }).text).toBe(SYSTEM_REPLY);
  });

  it('throws for a miss, without a retry', async () => {
    const { exchanges, fetch } = watchedFetch();
    const model = modelAt(baseUrl, fetch);
    const miss = await generateText({ model, prompt: 'It stands nowhere.' }).catch((error: unknown) => error);
    expectMiss(miss);
    const errors: unknown[] = [];
    const stream = streamText({
      model,
      prompt: 'It stands nowhere.',
      onError: ({ error }) => void errors.push(error),
    });
    await stream.consumeStream();
    expect(errors).toHaveLength(1);
    expectMiss(errors[0]);
    expect(exchanges.map(({ status }) => status)).toEqual([404, 404]);
  });
});

describe.each(MODELS.slice(0, 2))('%s of the AI SDK, with a tool,', (_name, modelAt) => {
  const toolbox = () => {
    const inputs: unknown[] = [];
    const look = tool({
      inputSchema: jsonSchema<typeof TOOL_INPUT>({
        type: 'object',
        properties: { city: { type: 'string' }, days: { type: 'integer' } },
      }),
      execute: async (input) => {
        inputs.push(input);
        return TOOL_RESULT;
      },
    });
    return { inputs, tools: { [TOOL_NAME]: look }, stopWhen: stepCountIs(2) };
  };

  it('gets the recorded call, and the reply to its result', async () => {
    const { inputs, ...how } = toolbox();
    const { steps, text } = await generateText({ model: modelAt(baseUrl), prompt: TOOL_PROMPT, ...how });
    expect(inputs).toEqual([TOOL_INPUT]);
    expect(steps.map(({ finishReason }) => finishReason)).toEqual(['tool-calls', 'stop']);
    expect(text).toBe(TOOL_REPLY);
    for (const { usage } of steps) expectCounts(countsOf(usage));
  });

  it('does so in a stream', async () => {
    const { inputs, ...how } = toolbox();
    const stream = streamText({ model: modelAt(baseUrl), prompt: TOOL_PROMPT, ...how });
    const deltas: string[] = [];
    for await (const part of stream.fullStream) if (part.type === 'tool-input-delta') deltas.push(part.delta);
    expect(deltas.length).toBeGreaterThan(5);
    expect(JSON.parse(deltas.join(''))).toEqual(TOOL_INPUT);
    expect(inputs).toEqual([TOOL_INPUT]);
    expect((await stream.steps).map(({ finishReason }) => finishReason)).toEqual(['tool-calls', 'stop']);
    expect(await stream.text).toBe(TOOL_REPLY);
  });

  it('does so without stored responses', async () => {
    const { inputs, ...how } = toolbox();
    const providerOptions = { openai: { store: false } };
    const { text } = await generateText({
      model: modelAt(baseUrl),
      prompt: TOOL_PROMPT,
      providerOptions,
      ...how,
    });
    expect([inputs, text]).toEqual([[TOOL_INPUT], TOOL_REPLY]);
  });
});

function expectMiss(error: unknown): void {
  expect(error).toBeInstanceOf(APICallError);
  const { statusCode, isRetryable, message, data } = error as APICallError;
  expect([statusCode, isRetryable]).toEqual([404, false]);
  expect(message).toMatch(/^No recorded reply in /);
  expect(data).toMatchObject({ error: { type: 'invalid_request_error', code: 'prompt_not_found' } });
}

describe('the AI SDK', () => {
  it('uses the Responses API by default', async () => {
    const { exchanges, fetch } = watchedFetch();
    await generateText({ model: openai(baseUrl, fetch)('recorded'), prompt: PROMPT });
    expect(exchanges[0]?.path).toBe('/v1/responses');
  });

  it('sends the system message as a developer message for a reasoning model, and gets the same reply', async () => {
    const { exchanges, fetch } = watchedFetch();
    const model = openai(baseUrl, fetch).chat('gpt-5');
    expect((await generateText({ model, system: SYSTEM, messages })).text).toBe(SYSTEM_REPLY);
    expect(exchanges[0]?.body).toMatchObject({
      messages: [{ role: 'developer', content: SYSTEM }, {}, {}, {}],
    });
  });

  it('retries when the server is busy', async () => {
    const { exchanges, fetch } = watchedFetch();
    const model = openai((await serveRecordedBusyOnce()).baseUrl, fetch).chat('recorded');
    expect((await generateText({ model, prompt: PROMPT })).text).toBe(REPLY);
    expect(exchanges).toMatchObject([{ status: 503, retryAfter: '1' }, { status: 200 }]);
  });

  it('uses chat completions by default with the compatible provider', async () => {
    const { exchanges, fetch } = watchedFetch();
    expect((await generateText({ model: compatible(baseUrl, fetch)('recorded'), prompt: PROMPT })).text).toBe(
      REPLY,
    );
    expect(exchanges[0]?.path).toBe('/v1/chat/completions');
  });
});

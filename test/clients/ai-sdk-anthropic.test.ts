/** The AI SDK, with its Anthropic provider. */

import { createAnthropic } from '@ai-sdk/anthropic';
import { APICallError, generateText, jsonSchema, type ModelMessage, stepCountIs, streamText, tool } from 'ai';
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

let baseUrl: string;
beforeAll(async () => {
  ({ baseUrl } = await serveRecorded());
});

const recorded = (baseURL = baseUrl, fetch = globalThis.fetch) => ({
  model: createAnthropic({ baseURL, apiKey: 'any', fetch })('recorded'),
  maxOutputTokens: 1024,
});

const messages = TALK.map(
  (content, i): ModelMessage => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }),
);

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

describe("the AI SDK's Anthropic model", () => {
  it('generates the recorded reply', async () => {
    const { text, finishReason, usage, response } = await generateText({ ...recorded(), prompt: PROMPT });
    expect([text, finishReason]).toEqual([REPLY, 'stop']);
    expectCounts(countsOf(usage));
    expect(response.id).toMatch(/^msg_/);
    expect(response.headers?.['x-verbatim-source']).toBe('alone#1');
  });

  it('streams it in pieces, and reports as many tokens', async () => {
    const stream = streamText({ ...recorded(), prompt: PROMPT });
    const pieces: string[] = [];
    for await (const piece of stream.textStream) pieces.push(piece);
    expect(pieces.length).toBeGreaterThan(5);
    expect(pieces.join('')).toBe(REPLY);
    expect(await stream.finishReason).toBe('stop');
    const usage = countsOf(await stream.usage);
    expectCounts(usage);
    expect(usage).toEqual(countsOf((await generateText({ ...recorded(), prompt: PROMPT })).usage));
  });

  it('gets the reply of the conversation that it sends, with a system message, too', async () => {
    expect((await generateText({ ...recorded(), messages })).text).toBe(TALK_REPLY);
    expect(await streamText({ ...recorded(), messages }).text).toBe(TALK_REPLY);
    expect((await generateText({ ...recorded(), system: SYSTEM, messages })).text).toBe(SYSTEM_REPLY);
    expect(await streamText({ ...recorded(), system: SYSTEM, messages }).text).toBe(SYSTEM_REPLY);
  });

  it('throws for a miss, without a retry', async () => {
    const { exchanges, fetch } = watchedFetch();
    const prompt = 'It stands nowhere.';
    const errors: unknown[] = [];
    await generateText({ ...recorded(baseUrl, fetch), prompt }).catch((error) => errors.push(error));
    const onError = ({ error }: { error: unknown }) => void errors.push(error);
    await streamText({ ...recorded(baseUrl, fetch), prompt, onError }).consumeStream();
    expect(errors).toHaveLength(2);
    for (const error of errors) {
      expect(error).toBeInstanceOf(APICallError);
      const { statusCode, isRetryable, message, data } = error as APICallError;
      expect([statusCode, isRetryable]).toEqual([404, false]);
      expect(message).toMatch(/^No recorded reply in /);
      expect(data).toMatchObject({ type: 'error', error: { type: 'not_found_error' } });
    }
    expect(exchanges.map(({ status }) => status)).toEqual([404, 404]);
  });

  it('retries when the server is busy', async () => {
    const { exchanges, fetch } = watchedFetch();
    const busy = recorded((await serveRecordedBusyOnce()).baseUrl, fetch);
    expect((await generateText({ ...busy, prompt: PROMPT })).text).toBe(REPLY);
    expect(exchanges).toMatchObject([{ status: 503, retryAfter: '1' }, { status: 200 }]);
  });
});

describe("the AI SDK's Anthropic model with a tool", () => {
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
    const { steps, text } = await generateText({ ...recorded(), prompt: TOOL_PROMPT, ...how });
    expect(inputs).toEqual([TOOL_INPUT]);
    expect(steps.map(({ finishReason }) => finishReason)).toEqual(['tool-calls', 'stop']);
    expect(text).toBe(TOOL_REPLY);
    for (const { usage } of steps) expectCounts(countsOf(usage));
  });

  it('does so in a stream', async () => {
    const { inputs, ...how } = toolbox();
    const stream = streamText({ ...recorded(), prompt: TOOL_PROMPT, ...how });
    const deltas: string[] = [];
    for await (const part of stream.fullStream) if (part.type === 'tool-input-delta') deltas.push(part.delta);
    expect(deltas.length).toBeGreaterThan(5);
    expect(JSON.parse(deltas.join(''))).toEqual(TOOL_INPUT);
    expect(inputs).toEqual([TOOL_INPUT]);
    expect((await stream.steps).map(({ finishReason }) => finishReason)).toEqual(['tool-calls', 'stop']);
    expect(await stream.text).toBe(TOOL_REPLY);
  });
});

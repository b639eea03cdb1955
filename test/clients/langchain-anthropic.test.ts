/** LangChain's Anthropic model. */

import { ChatAnthropic } from '@langchain/anthropic';
import {
  AIMessage,
  type AIMessageChunk,
  type BaseMessage,
  HumanMessage,
  SystemMessage,
  ToolMessage,
  type UsageMetadata,
} from '@langchain/core/messages';
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

let origin: string;
beforeAll(async () => {
  ({ origin } = await serveRecorded());
});

const chat = (anthropicApiUrl = origin, fetch = globalThis.fetch) =>
  new ChatAnthropic({
    model: 'recorded',
    apiKey: 'any',
    anthropicApiUrl,
    maxTokens: 1024,
    maxRetries: 1,
    clientOptions: { fetch },
  });

const talk = TALK.map((text, i) => (i % 2 === 0 ? new HumanMessage(text) : new AIMessage(text)));

const countsOf = ({ usage_metadata: usage }: { usage_metadata?: UsageMetadata | undefined }) => ({
  prompt: usage?.input_tokens,
  completion: usage?.output_tokens,
  total: usage?.total_tokens,
});

/** The concatenation of a stream. */
async function streamed(messages: string | BaseMessage[], model: Pick<ChatAnthropic, 'stream'> = chat()) {
  const chunks: AIMessageChunk[] = [];
  for await (const chunk of await model.stream(messages)) chunks.push(chunk);
  return { chunks, whole: chunks.reduce((sum, chunk) => sum.concat(chunk)) };
}

describe("LangChain's Anthropic model", () => {
  it('gets the recorded reply', async () => {
    const message = await chat().invoke(PROMPT);
    expect(message.content).toBe(REPLY);
    expect(message.id).toMatch(/^msg_/);
    expect(message.response_metadata).toMatchObject({ stop_reason: 'end_turn', model: 'recorded' });
    expectCounts(countsOf(message));
  });

  it('gets it in pieces, and reports as many tokens', async () => {
    const { chunks, whole } = await streamed(PROMPT);
    expect(chunks.filter(({ text }) => text !== '').length).toBeGreaterThan(5);
    expect(whole.text).toBe(REPLY);
    expectCounts(countsOf(whole));
    expect(countsOf(whole)).toEqual(countsOf(await chat().invoke(PROMPT)));
  });

  it('gets the reply of the conversation that it sends, with a system message, too', async () => {
    expect((await chat().invoke(talk)).content).toBe(TALK_REPLY);
    expect((await streamed(talk)).whole.text).toBe(TALK_REPLY);
    const withSystem = [new SystemMessage(SYSTEM), ...talk];
    expect((await chat().invoke(withSystem)).content).toBe(SYSTEM_REPLY);
    expect((await streamed(withSystem)).whole.text).toBe(SYSTEM_REPLY);
  });

  it('throws for a miss, without a retry', async () => {
    const { exchanges, fetch } = watchedFetch();
    const miss = { status: 404 };
    await expect(chat(origin, fetch).invoke('It stands nowhere.')).rejects.toMatchObject(miss);
    await expect(chat(origin, fetch).stream('It stands nowhere.')).rejects.toMatchObject(miss);
    expect(exchanges.map(({ status }) => status)).toEqual([404, 404]);
  });

  it('retries when the server is busy', async () => {
    const { exchanges, fetch } = watchedFetch();
    const model = chat((await serveRecordedBusyOnce()).origin, fetch);
    expect((await model.invoke(PROMPT)).content).toBe(REPLY);
    expect(exchanges).toMatchObject([{ status: 503, retryAfter: '1' }, { status: 200 }]);
  });
});

describe("LangChain's Anthropic model with a tool", () => {
  const bound = () =>
    chat().bindTools([
      {
        name: TOOL_NAME,
        input_schema: { type: 'object', properties: { city: { type: 'string' } } },
      },
    ]);

  it('gets the recorded call, and the reply to its result', async () => {
    const asked = new HumanMessage(TOOL_PROMPT);
    const called = await bound().invoke([asked]);
    expect(called.tool_calls).toMatchObject([{ name: TOOL_NAME, args: TOOL_INPUT }]);
    const result = new ToolMessage({
      content: TOOL_RESULT,
      tool_call_id: called.tool_calls?.[0]?.id as string,
    });
    expect((await bound().invoke([asked, called, result])).text).toBe(TOOL_REPLY);
  });

  it('assembles the call from a stream', async () => {
    const chunks: AIMessageChunk[] = [];
    for await (const chunk of await bound().stream(TOOL_PROMPT)) chunks.push(chunk);
    const whole = chunks.reduce((sum, chunk) => sum.concat(chunk));
    expect(whole.tool_calls).toMatchObject([{ name: TOOL_NAME, args: TOOL_INPUT }]);
  });
});

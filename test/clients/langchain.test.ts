/** LangChain's OpenAI models: chat and completions. */

import {
  AIMessage,
  type AIMessageChunk,
  type BaseMessage,
  HumanMessage,
  SystemMessage,
  ToolMessage,
  type UsageMetadata,
} from '@langchain/core/messages';
import { ChatOpenAI, type ChatOpenAIFields, OpenAI } from '@langchain/openai';
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
  baseUrl = (await serveRecorded()).baseUrl;
});

const fieldsOf = (baseURL: string, fetch = globalThis.fetch) => ({
  model: 'recorded',
  apiKey: 'any',
  configuration: { baseURL, fetch },
});
const chat = (fetch?: typeof globalThis.fetch, fields: ChatOpenAIFields = {}) =>
  new ChatOpenAI({ ...fieldsOf(baseUrl, fetch), ...fields });

const talk = TALK.map((text, i) => (i % 2 === 0 ? new HumanMessage(text) : new AIMessage(text)));

const countsOf = ({ usage_metadata: usage }: { usage_metadata?: UsageMetadata | undefined }) => ({
  prompt: usage?.input_tokens,
  completion: usage?.output_tokens,
  total: usage?.total_tokens,
});

/** The concatenation of a stream. */
async function streamed(messages: string | BaseMessage[]) {
  const chunks: AIMessageChunk[] = [];
  for await (const chunk of await chat().stream(messages)) chunks.push(chunk);
  return { chunks, whole: chunks.reduce((sum, chunk) => sum.concat(chunk)) };
}

describe("LangChain's chat model", () => {
  it('gets the recorded reply', async () => {
    const message = await chat().invoke(PROMPT);
    expect(message.content).toBe(REPLY);
    expect(message.id).toMatch(/^chatcmpl-/);
    expect(message.response_metadata).toMatchObject({ finish_reason: 'stop', model_name: 'recorded' });
    expectCounts(countsOf(message));
  });

  it('gets it in pieces, and reports as many tokens', async () => {
    const { chunks, whole } = await streamed(PROMPT);
    expect(chunks.filter(({ content }) => content !== '').length).toBeGreaterThan(5);
    expect(whole.content).toBe(REPLY);
    expect(whole.response_metadata).toMatchObject({ finish_reason: 'stop', model_name: 'recorded' });
    expect(chunks.filter(({ usage_metadata }) => usage_metadata !== undefined)).toHaveLength(1);
    expectCounts(countsOf(whole));
    expect(countsOf(whole)).toEqual(countsOf(await chat().invoke(PROMPT)));
  });

  it('gets the reply of the conversation that it sends, with a system message, too', async () => {
    expect((await chat().invoke(talk)).content).toBe(TALK_REPLY);
    expect((await streamed(talk)).whole.content).toBe(TALK_REPLY);
    const withSystem = [new SystemMessage(SYSTEM), ...talk];
    expect((await chat().invoke(withSystem)).content).toBe(SYSTEM_REPLY);
    expect((await streamed(withSystem)).whole.content).toBe(SYSTEM_REPLY);
  });

  it('gets several replies at once', async () => {
    const messages = await chat().batch([PROMPT, TALK[0]]);
    expect(messages.map(({ content }) => content)).toEqual([REPLY, TALK[1]]);
  });

  it('throws for a miss, without a retry', async () => {
    const { exchanges, fetch } = watchedFetch();
    const miss = { status: 404, code: 'prompt_not_found', param: 'messages' };
    await expect(chat(fetch).invoke('It stands nowhere.')).rejects.toMatchObject(miss);
    await expect(chat(fetch).stream('It stands nowhere.')).rejects.toMatchObject(miss);
    expect(exchanges.map(({ status }) => status)).toEqual([404, 404]);
  });

  it('retries when the server is busy', async () => {
    const { exchanges, fetch } = watchedFetch();
    const model = new ChatOpenAI(fieldsOf((await serveRecordedBusyOnce()).baseUrl, fetch));
    expect((await model.invoke(PROMPT)).content).toBe(REPLY);
    expect(exchanges).toMatchObject([{ status: 503, retryAfter: '1' }, { status: 200 }]);
  });
});

describe("LangChain's chat model, with the Responses API,", () => {
  const responses = (fetch?: typeof globalThis.fetch) => chat(fetch, { useResponsesApi: true });

  it('gets the recorded reply', async () => {
    const { exchanges, fetch } = watchedFetch();
    const message = await responses(fetch).invoke(PROMPT);
    expect(message.text).toBe(REPLY);
    expect(message.response_metadata).toMatchObject({ status: 'completed', model_name: 'recorded' });
    expectCounts(countsOf(message));
    expect(exchanges[0]?.path).toBe('/v1/responses');
  });

  it('gets it in pieces, and reports as many tokens', async () => {
    const chunks: AIMessageChunk[] = [];
    for await (const chunk of await responses().stream(PROMPT)) chunks.push(chunk);
    expect(chunks.filter(({ text }) => text !== '').length).toBeGreaterThan(5);
    const whole = chunks.reduce((sum, chunk) => sum.concat(chunk));
    expect(whole.text).toBe(REPLY);
    expectCounts(countsOf(whole));
    expect(countsOf(whole)).toEqual(countsOf(await responses().invoke(PROMPT)));
  });

  it('gets the reply of the conversation that it sends, with a system message, too', async () => {
    expect((await responses().invoke(talk)).text).toBe(TALK_REPLY);
    expect((await responses().invoke([new SystemMessage(SYSTEM), ...talk])).text).toBe(SYSTEM_REPLY);
  });
});

describe.each([false, true])(
  "LangChain's chat model with a tool, with the Responses API: %s,",
  (useResponsesApi) => {
    const parameters = { type: 'object', properties: { city: { type: 'string' } } };
    const bound = () =>
      chat(undefined, { useResponsesApi }).bindTools([
        { type: 'function', function: { name: TOOL_NAME, description: '', parameters } },
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
  },
);

describe("LangChain's completion model", () => {
  it('gets the recorded reply, at once or in pieces', async () => {
    const model = new OpenAI(fieldsOf(baseUrl));
    expect(await model.invoke(PROMPT)).toBe(REPLY);
    const pieces: string[] = [];
    for await (const piece of await model.stream(PROMPT)) pieces.push(piece);
    expect(pieces.length).toBeGreaterThan(5);
    expect(pieces.join('')).toBe(REPLY);
  });

  it('gets the replies to several prompts in one request, and their token counts', async () => {
    const { exchanges, fetch } = watchedFetch();
    const { generations, llmOutput } = await new OpenAI(fieldsOf(baseUrl, fetch)).generate([PROMPT, TALK[0]]);
    expect(generations.map(([first]) => first?.text)).toEqual([REPLY, TALK[1]]);
    expect(exchanges).toHaveLength(1);
    const { promptTokens, completionTokens, totalTokens } = llmOutput?.tokenUsage ?? {};
    expectCounts({ prompt: promptTokens, completion: completionTokens, total: totalTokens });
  });
});

/** Simulated failures, as the AI SDK reports and retries them with the providers of OpenAI, of compatible services and of Anthropic. */

import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, generateText, type LanguageModel, RetryError, streamText } from 'ai';
import { beforeAll, describe, expect, it } from 'vitest';
import type { VerbatimServer } from '#dist/index.js';
import { errorOf, serveRecordedBy } from '../support/asking.js';
import { PROMPT, REPLY } from '../support/recorded.js';

const FAILED = 'The server had an error while processing the request. This failure is simulated.';

/** Without a limit, Anthropic's provider warns of the unknown model. */
const ASKED = { prompt: PROMPT, maxOutputTokens: 1024 };

type Headers = Readonly<Record<string, string>>;

const MODELS: readonly (readonly [string, (baseURL: string, headers: Headers) => LanguageModel])[] = [
  [
    "OpenAI's model of responses",
    (baseURL, headers) => createOpenAI({ baseURL, apiKey: 'any', headers })('recorded'),
  ],
  [
    "OpenAI's chat model",
    (baseURL, headers) => createOpenAI({ baseURL, apiKey: 'any', headers }).chat('recorded'),
  ],
  [
    'a compatible chat model',
    (baseURL, headers) => createOpenAICompatible({ name: 'verbatim', baseURL, headers })('recorded'),
  ],
  [
    "Anthropic's model",
    (baseURL, headers) => createAnthropic({ baseURL, apiKey: 'any', headers })('recorded'),
  ],
];

let server: VerbatimServer;
let twice: VerbatimServer;
beforeAll(async () => {
  server = await serveRecordedBy({ streamInterval: 1 });
  twice = await serveRecordedBy({ failSequence: '429*2,200' });
});

const testOf = (name: string) => name.replace(/\W+/g, '-');

// The SDK waits before it retries: all models do so at the same time.
it.concurrent.each(MODELS)('%s gets the reply after two failures', async (name, modelAt) => {
  const whole = twice.scope(testOf(name));
  const streamed = twice.scope(testOf(`${name} streamed`));
  const stream = streamText({ model: modelAt(twice.baseURL, streamed.headers), ...ASKED });
  const [{ text }, streamedText] = await Promise.all([
    generateText({ model: modelAt(twice.baseURL, whole.headers), ...ASKED }),
    stream.text,
  ]);
  expect([text, streamedText]).toEqual([REPLY, REPLY]);
  for (const { requests } of [whole, streamed])
    expect(requests.map(({ status }) => status)).toEqual([429, 429, 200]);
});

it.concurrent.each(MODELS)('%s gives up after three', async (name, modelAt) => {
  const scope = server.scope(testOf(name));
  const model = modelAt(server.baseURL, { ...scope.headers, 'x-verbatim-fail': '503' });
  const error = await errorOf(generateText({ model, ...ASKED }));
  expect(error).toBeInstanceOf(RetryError);
  expect((error as RetryError).lastError).toMatchObject({ statusCode: 503 });
  expect(scope.requests.map(({ status }) => status)).toEqual([503, 503, 503]);
});

describe.each(MODELS)('%s', (_name, modelAt) => {
  /** The pieces of a stream, the errors that it reports, and what it throws. */
  const streamWith = async (failure: string) => {
    const pieces: string[] = [];
    const errors: unknown[] = [];
    const { fullStream } = streamText({
      model: modelAt(server.baseURL, { 'x-verbatim-fail': failure }),
      ...ASKED,
      maxRetries: 0,
      onError: ({ error }) => void errors.push(error),
    });
    const read = async () => {
      for await (const part of fullStream) if (part.type === 'text-delta') pieces.push(part.text);
    };
    return { thrown: await errorOf(read()), pieces, errors };
  };

  it('throws for a status that may not go away, without a retry', async () => {
    const model = modelAt(server.baseURL, { 'x-verbatim-fail': '401' });
    const error = await errorOf(generateText({ model, ...ASKED }));
    expect(error).toBeInstanceOf(APICallError);
    expect(error).toMatchObject({ statusCode: 401, isRetryable: false });
  });

  it('reports an error within a stream after the pieces before it', async () => {
    const { pieces, errors } = await streamWith('error@2');
    expect(errors).toMatchObject([{ message: FAILED }]);
    expect(pieces).toHaveLength(2);
    expect(REPLY.startsWith(pieces.join(''))).toBe(true);
  });

  it('throws for a stream that is cut', async () => {
    const { thrown, pieces } = await streamWith('cut@3');
    expect(thrown).toBeInstanceOf(APICallError);
    expect(thrown).toMatchObject({ cause: { message: 'terminated' } });
    expect(REPLY.startsWith(pieces.join(''))).toBe(true);
  });
});

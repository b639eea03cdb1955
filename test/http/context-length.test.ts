/** The setting `MAX_MODEL_LEN`: prompts that are too long for the context of the models. */

import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { ServeOptions } from '#dist/index.js';
import { post, serveApp } from '../support/app.js';

const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));

const LONG = 'one two three four five six seven eight nine ten';
/** Requests with a prompt, by their paths. */
const REQUESTS = [
  ['/v1/chat/completions', 'messages', (content: string) => ({ messages: said(content) })],
  ['/v1/completions', 'prompt', (prompt: string) => ({ prompt })],
  ['/v1/responses', 'input', (input: string) => ({ input })],
] as const;

function said(content: string): readonly object[] {
  return [{ role: 'user', content }];
}

/** @param maxModelLen 0 for no limit */
function serveWith(maxModelLen: number, others: ServeOptions = {}): Promise<string> {
  return serveApp(dataset, { delays: { maxModelLen, ...others } });
}

/** The tokens of a prompt, as the usage of its answer has them. */
async function promptTokensOf(url: string, body: object): Promise<number> {
  const response = await post(url, body);
  const { usage } = (await response.json()) as { usage: Readonly<Record<string, number>> };
  return usage.prompt_tokens ?? usage.input_tokens ?? Number.NaN;
}

async function errorOf(response: Response): Promise<unknown> {
  expect(response.status).toBe(400);
  return ((await response.json()) as { error: unknown }).error;
}

describe('a prompt that is longer than the context', () => {
  it.each(REQUESTS)('is rejected by %s, with both numbers', async (path, param, bodyOf) => {
    const tokens = await promptTokensOf((await serveWith(0)) + path, bodyOf('Say it.'));
    const fits = await post((await serveWith(tokens)) + path, bodyOf('Say it.'));
    expect(fits.status).toBe(200);
    const tooLong = await post((await serveWith(tokens - 1)) + path, bodyOf('Say it.'));
    expect(await errorOf(tooLong)).toEqual({
      message: `This model's maximum context length is ${tokens - 1} tokens. However, your ${param} resulted in ${tokens} tokens. Please reduce the length of the ${param}.`,
      type: 'invalid_request_error',
      param,
      code: 'context_length_exceeded',
    });
  });

  it.each(REQUESTS)('is rejected by %s even if the dataset has no reply', async (path, param, bodyOf) => {
    const url = await serveWith(5);
    for (const stream of [false, true]) {
      const error = await errorOf(await post(url + path, { ...bodyOf(LONG), stream }));
      expect(error).toMatchObject({ code: 'context_length_exceeded', param });
    }
  });

  it("is rejected by /v1/messages, with Anthropic's error", async () => {
    const body = { model: 'dataset', max_tokens: 1, messages: said('Say it.') };
    const tokens = await promptTokensOf(`${await serveWith(0)}/v1/messages`, body);
    const limit = tokens - 1;
    const url = `${await serveWith(limit)}/v1/messages`;
    expect(await errorOf(await post(url, body))).toEqual({
      type: 'invalid_request_error',
      message: `prompt is too long: ${tokens} tokens > ${limit} maximum`,
    });
    // Tools are part of the prompt.
    const tools = [{ name: 'f', input_schema: { type: 'object' } }];
    const withTools = await post(`${await serveWith(tokens + 1)}/v1/messages`, { ...body, tools });
    expect(await errorOf(withTools)).toMatchObject({ message: expect.stringContaining('too long') });
  });

  it('is the longest of several prompts, each of which may be token ids', async () => {
    const url = `${await serveWith(5)}/v1/completions`;
    expect((await post(url, { prompt: ['Say it.', 'continue'] })).status).toBe(200);
    const error = await errorOf(await post(url, { prompt: ['Say it.', LONG] }));
    expect(error).toMatchObject({ message: expect.stringContaining('resulted in 10 tokens') });
    const { tokens } = (await (await post(`${url}/../../tokenize`, { prompt: LONG })).json()) as {
      tokens: readonly number[];
    };
    expect(await errorOf(await post(url, { prompt: tokens }))).toEqual(error);
  });

  it('is not rejected with truncation, which leaves out the first items at OpenAI', async () => {
    const url = `${await serveWith(5)}/v1/responses`;
    expect((await post(url, { input: 'Say it.', truncation: 'auto' })).status).toBe(200);
    expect((await post(url, { input: 'Say it.', truncation: 'disabled' })).status).toBe(400);
  });

  it('is rejected by /v1/embeddings, which has no other tokens', async () => {
    const url = await serveWith(5);
    const embeddings = (input: unknown) => post(`${url}/v1/embeddings`, { model: 'm', input });
    expect((await embeddings('one two')).status).toBe(200);
    for (const input of [LONG, ['one', LONG], [1, 2, 3, 4, 5, 6]])
      expect(await errorOf(await embeddings(input))).toMatchObject({ param: 'input' });
  });

  it('is counted by its ids if it has ids', async () => {
    const ids = [16, 17, 18, 19, 20, 21];
    expect((await post(`${await serveWith(6)}/v1/completions`, { prompt: ids })).status).not.toBe(400);
    expect(await errorOf(await post(`${await serveWith(5)}/v1/completions`, { prompt: ids }))).toMatchObject({
      message: expect.stringContaining('your prompt resulted in 6 tokens'),
    });
  });

  it("has its place in a sequence of failures, and doesn't use up a test's reply", async () => {
    const url = await serveWith(12, { failSequence: '200,503,200' });
    const given = { pattern: '.', reply: 'Mine.', times: 1 };
    expect((await post(`${url}/api/replies`, given)).status).toBe(200);
    const chat = `${url}/v1/chat/completions`;
    expect((await post(chat, { messages: said(LONG) })).status).toBe(400);
    expect((await post(chat, { messages: said('Say it.') })).status).toBe(503);
    const answer = await post(chat, { messages: said('Say it.') });
    expect(await answer.json()).toMatchObject({ choices: [{ message: { content: 'Mine.' } }] });
  });
});

describe('a token limit that does not fit into the context after the prompt', () => {
  it('is rejected, as at vLLM and OpenAI', async () => {
    const body = { messages: said('Say it.') };
    const prompt = await promptTokensOf(`${await serveWith(0)}/v1/chat/completions`, body);
    const url = `${await serveWith(prompt + 5)}/v1/chat/completions`;
    expect((await post(url, { ...body, max_tokens: 5 })).status).toBe(200);
    expect(await errorOf(await post(url, { ...body, max_tokens: 6 }))).toMatchObject({
      message: `This model's maximum context length is ${prompt + 5} tokens. However, you requested ${prompt + 6} tokens (${prompt} in the messages, 6 in the completion). Please reduce the length of the messages or completion.`,
      code: 'context_length_exceeded',
    });
  });

  it('is rejected by /v1/messages, with the words of Anthropic', async () => {
    const body = { model: 'dataset', messages: said('Say it.') };
    const prompt = await promptTokensOf(`${await serveWith(0)}/v1/messages`, { ...body, max_tokens: 1 });
    const url = `${await serveWith(prompt + 5)}/v1/messages`;
    expect(await errorOf(await post(url, { ...body, max_tokens: 6 }))).toMatchObject({
      message: `input length and \`max_tokens\` exceed context limit: ${prompt} + 6 > ${prompt + 5}, decrease input length or \`max_tokens\` and try again`,
    });
  });
});

describe('the context length', () => {
  it('is that of the setting, wherever the API reports it', async () => {
    const url = await serveWith(4096);
    const jsonOf = async (path: string, headers = {}) => (await fetch(url + path, { headers })).json();
    expect(await jsonOf('/v1/models')).toMatchObject({ data: [{ max_model_len: 4096 }] });
    expect(await jsonOf('/v1/models/dataset')).toMatchObject({ max_model_len: 4096 });
    const version = { 'anthropic-version': '2023-06-01' };
    expect(await jsonOf('/v1/models', version)).toMatchObject({ data: [{ max_input_tokens: 4096 }] });
    const tokenized = await post(`${url}/tokenize`, { prompt: 'Say it.' });
    expect(await tokenized.json()).toMatchObject({ max_model_len: 4096 });
  });

  it('may be one of the model itself', async () => {
    const url = await serveWith(4096, { dataset, models: { dataset: { maxModelLen: 5 } } });
    const models = await (await fetch(`${url}/v1/models`)).json();
    expect(models).toMatchObject({ data: [{ id: 'dataset', max_model_len: 5 }] });
    expect((await post(`${url}/v1/chat/completions`, { messages: said(LONG) })).status).toBe(400);
  });
});

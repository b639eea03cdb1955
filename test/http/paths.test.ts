/** Paths that clients request with a different base URL, and paths that don't exist. */

import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { post, serveApp } from '../support/app.js';

const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));
const messages = [{ role: 'user', content: 'Say it.' }];
let base: string;
let strict: string;
beforeAll(async () => {
  let made = 0;
  // A response that continues another needs its own id.
  const newId = (length: number) => String(made++).padStart(length, '0');
  base = await serveApp(dataset, { newId });
  strict = await serveApp(dataset, { strictModels: true });
});

/** The status, and the model or the error's code. */
async function told(response: Response): Promise<unknown[]> {
  const { model, id, object, error } = (await response.json()) as Record<string, unknown> & {
    readonly error?: { readonly code: string | null };
  };
  return [response.status, object, model ?? id ?? error?.code];
}

describe.each(['', '/v1', '/v1/v1', '/openai', '/openai/v1'])('below %j', (prefix) => {
  it.each(['', '?api-version=preview'])("OpenAI's paths exist, with the query %j", async (query) => {
    const ask = async (path: string, body: object) => told(await post(base + prefix + path + query, body));
    expect(await ask('/chat/completions', { messages })).toEqual([200, 'chat.completion', 'dataset']);
    expect(await ask('/completions', { prompt: 'Say it.' })).toEqual([200, 'text_completion', 'dataset']);
    expect(await ask('/responses', { input: 'Say it.' })).toEqual([200, 'response', 'dataset']);
    expect(await told(await fetch(`${base + prefix}/models/dataset${query}`))).toEqual([
      200,
      'model',
      'dataset',
    ]);
    expect((await fetch(`${base + prefix}/models${query}`)).status).toBe(200);
  });
});

describe("Azure's paths", () => {
  const at = (deployment: string, path: string) =>
    `/openai/deployments/${deployment}/${path}?api-version=2024-10-21`;

  it.each([
    ['chat/completions', { messages }, 'chat.completion'],
    ['completions', { prompt: 'Say it.' }, 'text_completion'],
  ])('use the deployment %s as the model, unless the body names one', async (path, body, object) => {
    expect(await told(await post(base + at('gpt-4o', path), body))).toEqual([200, object, 'gpt-4o']);
    const named = { ...body, model: 'mine' };
    expect(await told(await post(base + at('gpt-4o', path), named))).toEqual([200, object, 'mine']);
    expect(await told(await post(strict + at('gpt-4o', path), body))).toEqual([
      404,
      undefined,
      'model_not_found',
    ]);
    expect(await told(await post(strict + at('dataset', path), body))).toEqual([200, object, 'dataset']);
  });

  it.each(['', '/', '//'])('are unknown without a deployment: %j more slashes', async (slashes) => {
    for (const path of ['chat/completions', 'completions']) {
      expect(await told(await post(base + at(slashes, path), { messages }))).toEqual([404, undefined, null]);
    }
  });

  it("are counted with OpenAI's paths", async () => {
    await post(base + at('gpt-4o', 'chat/completions'), { messages });
    const metrics = await (await fetch(`${base}/metrics`)).text();
    expect(metrics).toContain('route="/v1/chat/completions"');
    expect(metrics).not.toContain('deployments');
  });
});

describe('a path below /v1/responses without an id', () => {
  it.each(['GET', 'DELETE'])('has no other method than POST: %s', async (method) => {
    for (const path of ['/v1/responses/compact', '/responses/input_tokens/']) {
      const response = await fetch(base + path, { method });
      expect(response.headers.get('allow')).toBe('POST');
      expect(await told(response)).toEqual([405, undefined, 'method_not_supported']);
    }
  });

  it('differs from an unsupported method of an id', async () => {
    const response = await post(`${base}/v1/responses/resp_1`, {});
    expect(response.headers.get('allow')).toBe('GET, HEAD, DELETE');
    expect(await told(response)).toEqual([405, undefined, 'method_not_supported']);
    expect(await told(await post(`${base}/v1/models/`, {}))).toEqual([
      405,
      undefined,
      'method_not_supported',
    ]);
  });
});

describe('POST /v1/responses/input_tokens', () => {
  const count = async (body: object) => (await post(`${base}/v1/responses/input_tokens`, body)).json();

  it('counts the same as the usage of the response', async () => {
    const first = await post(`${base}/v1/responses`, { input: 'Say it.', instructions: 'Be brief.' });
    const { id, usage } = (await first.json()) as { id: string; usage: { input_tokens: number } };
    expect(await count({ input: 'Say it.', instructions: 'Be brief.' })).toEqual({
      object: 'response.input_tokens',
      input_tokens: usage.input_tokens,
    });
    const next = { input: [{ role: 'user', content: 'continue' }], previous_response_id: id };
    const second = await post(`${base}/v1/responses`, next);
    const { usage: longer } = (await second.json()) as { usage: { input_tokens: number } };
    expect(longer.input_tokens).toBeGreaterThan(usage.input_tokens);
    expect(await count(next)).toMatchObject({ input_tokens: longer.input_tokens });
  });

  it('needs no recorded reply', async () => {
    expect(await count({ input: 'hi' })).toMatchObject({ input_tokens: 3 + 4 + 1 });
  });

  it('rejects what POST /v1/responses rejects', async () => {
    expect(await count({ input: 5 })).toMatchObject({ error: { param: 'input' } });
    expect(await count({ input: 'x', previous_response_id: 'resp_1' })).toMatchObject({
      error: { code: 'previous_response_not_found' },
    });
  });
});

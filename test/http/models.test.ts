import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { post, serveApp } from '../support/app.js';

const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));
const model = {
  id: 'dataset',
  object: 'model',
  created: 1_700_000_000,
  owned_by: 'verbatim',
  root: 'dataset',
  parent: null,
  max_model_len: 131_072,
};
const body = { model: 'gpt-4o', messages: [{ role: 'user', content: 'Say it.' }] };

let base: string;
let strict: string;
beforeAll(async () => {
  base = await serveApp(dataset);
  strict = await serveApp(dataset, { strictModels: true });
});

const get = async (url: string) => {
  const response = await fetch(url);
  return { status: response.status, body: await response.json() };
};

describe('the models', () => {
  it.each(['/v1/models', '/models', '/v1//models', '//v1/models'])('are listed at %s', async (path) => {
    expect(await get(base + path)).toEqual({ status: 200, body: { object: 'list', data: [model] } });
  });

  it.each([
    ['dataset', 'dataset'],
    ['gpt-4o', 'gpt-4o'],
    ['meta-llama/Llama-3', 'meta-llama/Llama-3'],
    ['meta-llama%2FLlama-3', 'meta-llama/Llama-3'],
  ])('are retrieved at /v1/models/%s', async (path, id) => {
    expect(await get(`${base}/v1/models/${path}`)).toEqual({ status: 200, body: { ...model, id } });
    expect(await get(`${base}/models/${path}`)).toEqual({ status: 200, body: { ...model, id } });
  });

  it('accept HEAD, refuse DELETE, and accept no other method', async () => {
    const head = await fetch(`${base}/v1/models/dataset`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect((await fetch(`${base}/v1/models/dataset`, { method: 'DELETE' })).status).toBe(403);
    const put = await fetch(`${base}/v1/models/dataset`, { method: 'PUT' });
    expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, HEAD, DELETE']);
  });

  it('are retrieved by any name', async () => {
    const response = await post(`${base}/v1/chat/completions`, body);
    expect(await response.json()).toMatchObject({ model: 'gpt-4o' });
  });
});

describe('a strict server', () => {
  const refused = {
    error: {
      message: 'The model `gpt-4o` does not exist. Expected `dataset`.',
      type: 'invalid_request_error',
      param: null,
      code: 'model_not_found',
    },
  };

  it('knows one model', async () => {
    expect(await get(`${strict}/v1/models/gpt-4o`)).toEqual({ status: 404, body: refused });
    expect(await get(`${strict}/v1/models/dataset`)).toEqual({ status: 200, body: model });
  });

  it.each([false, true])('rejects another name, streamed: %s', async (stream) => {
    const response = await post(`${strict}/v1/chat/completions`, { ...body, stream });
    expect([response.status, await response.json()]).toEqual([404, refused]);
  });

  it.each(['dataset', null, undefined])('accepts its own name, or none: %s', async (name) => {
    const response = await post(`${strict}/v1/chat/completions`, { ...body, model: name });
    expect([response.status, await response.json()]).toMatchObject([200, { model: 'dataset' }]);
  });
});

describe('the version', () => {
  it("has vLLM's format", async () => {
    expect(await get(`${base}/version`)).toEqual({ status: 200, body: { version: '1.2.3' } });
  });
});

describe('the paths without /v1', () => {
  it('are the same', async () => {
    const url = `${base}/chat/completions?api-version=1`;
    expect(await (await post(url, body)).text()).toBe(
      await (await post(`${base}/v1/chat/completions`, body)).text(),
    );
  });
});

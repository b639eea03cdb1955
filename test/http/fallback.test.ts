import { fileURLToPath } from 'node:url';
import OpenAI, { PermissionDeniedError } from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';
import { post, serveApp } from '../support/app.js';

const TEXT = 'Nothing is recorded for that. 🤷';
let base: string;
beforeAll(async () => {
  const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));
  base = await serveApp(dataset, { fallback: TEXT });
});

const messages = [{ role: 'user' as const, content: 'It stands nowhere.' }];

describe('with a fallback, an unknown prompt', () => {
  it('gets the fallback text, and headers that say so', async () => {
    const response = await post(`${base}/v1/chat/completions`, { messages });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-verbatim-match')).toBe('none');
    expect(response.headers.get('x-verbatim-source')).toBeNull();
    expect(await response.json()).toMatchObject({
      choices: [{ message: { role: 'assistant', content: TEXT }, finish_reason: 'stop' }],
    });
  });

  it('gets the fallback text as a stream', async () => {
    const client = new OpenAI({ baseURL: `${base}/v1`, apiKey: 'any' });
    const stream = client.chat.completions.stream({ model: 'any', messages });
    expect(await stream.finalContent()).toBe(TEXT);
  });

  it('is still a miss on the legacy API', async () => {
    const response = await post(`${base}/api/v1/chat/completion`, {
      conversation: { from: 'human', value: 'It stands nowhere.' },
    });
    expect(await response.json()).toMatchObject({ data: { success: false } });
  });
});

describe('with a fallback, a prompt that has a reply', () => {
  it('gets its reply', async () => {
    const response = await post(`${base}/v1/chat/completions`, {
      messages: [{ role: 'user', content: 'Say it.' }],
    });
    expect(response.headers.get('x-verbatim-match')).not.toBe('none');
    expect(JSON.stringify(await response.json())).not.toContain(TEXT);
  });
});

/** Ids that were never made, as generated test suites of clients have them. */
describe('with a fallback, an unknown id', () => {
  const clientOf = () => new OpenAI({ baseURL: `${base}/v1`, apiKey: 'any', maxRetries: 0 });

  it('of a chat completion gets one with the fallback text', async () => {
    const { completions } = clientOf().chat;
    expect(await completions.retrieve('completion_id')).toMatchObject({
      id: 'completion_id',
      choices: [{ message: { content: TEXT } }],
      metadata: {},
    });
    const updated = await completions.update('completion_id', { metadata: { foo: 'string' } });
    expect(updated).toMatchObject({ id: 'completion_id', metadata: { foo: 'string' } });
    expect((await completions.messages.list('completion_id', { after: 'x', limit: 0 })).data).toEqual([]);
    expect(await completions.delete('completion_id')).toMatchObject({ deleted: true });
    const query = { after: 'after', limit: 0, metadata: { foo: 'string' }, model: 'model' };
    expect((await completions.list({ ...query, order: 'asc' })).data).toEqual([]);
  });

  it('of a response gets one with the fallback text, or is ignored', async () => {
    const { responses } = clientOf();
    expect(await responses.retrieve('resp_1')).toMatchObject({ id: 'resp_1', output_text: TEXT });
    const stream = await responses.retrieve('resp_1', { stream: true, starting_after: 3 });
    const types: string[] = [];
    for await (const { type } of stream) types.push(type);
    expect(types.at(-1)).toBe('response.completed');
    const output = [{ content: [{ text: TEXT }] }];
    expect(await responses.cancel('resp_1')).toMatchObject({ id: 'resp_1', output });
    expect((await responses.inputItems.list('resp_1', { after: 'x', limit: 0 })).data).toEqual([]);
    await responses.delete('resp_1');
    const input = messages[0]?.content as string;
    const continued = await responses.create({ model: 'any', input, previous_response_id: 'resp_1' });
    expect(continued.output_text).toBe(TEXT);
  });

  it('of a model is deleted, and a dataset is not', async () => {
    const { models } = clientOf();
    expect(await models.delete('ft:any')).toMatchObject({ id: 'ft:any', object: 'model', deleted: true });
    await expect(models.delete('dataset')).rejects.toThrow(PermissionDeniedError);
  });

  it('is not needed: a response without an input gets the fallback text', async () => {
    const { responses } = clientOf();
    expect((await responses.create({})).output_text).toBe(TEXT);
    expect((await responses.inputTokens.count()).input_tokens).toBe(3);
  });
});

describe('without a fallback', () => {
  it('no model can be deleted', async () => {
    const url = await serveApp(fileURLToPath(new URL('../golden/dataset.json', import.meta.url)));
    const { models } = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any', maxRetries: 0 });
    await expect(models.delete('dataset')).rejects.toThrow(PermissionDeniedError);
    await expect(models.delete('ft:any')).rejects.toThrow('404 The model `ft:any` does not exist');
  });
});

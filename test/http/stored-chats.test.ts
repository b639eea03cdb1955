/** Stored chat completions, with the client of OpenAI. */

import { fileURLToPath } from 'node:url';
import OpenAI, { BadRequestError, NotFoundError } from 'openai';
import { describe, expect, it } from 'vitest';
import { post, serveApp } from '../support/app.js';

const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));

type Create = OpenAI.Chat.ChatCompletionCreateParamsNonStreaming;

const said = { role: 'user', content: 'Say it.' } as const;
const request: Create = { model: 'any', messages: [said], store: true };

/** A client of a server of its own, whose ids are all different, and the address of that server. */
async function served() {
  let made = 0;
  const base = await serveApp(dataset, { newId: (length) => String(made++).padStart(length, '0') });
  const client = new OpenAI({ baseURL: `${base}/v1`, apiKey: 'any', maxRetries: 0 });
  return { base, chats: client.chat.completions };
}

async function all<T extends { id: string }>(page: AsyncIterable<T>): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of page) ids.push(id);
  return ids;
}

describe('a stored chat completion', () => {
  it('is retrieved as it was answered, with its metadata', async () => {
    const { chats } = await served();
    const { _request_id: _, ...created } = await chats.create({ ...request, metadata: { topic: 'é' } });
    expect(await chats.retrieve(created.id)).toEqual({ ...created, metadata: { topic: 'é' } });
  });

  it('is the same object as the chunks of a stream are of', async () => {
    const { chats } = await served();
    const stream = await chats.create({ ...request, n: 2, stream: true });
    const chunks: OpenAI.Chat.ChatCompletionChunk[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    const [first] = chunks;
    const stored = await chats.retrieve(first?.id ?? '');
    expect(new Set(chunks.map(({ id, created }) => `${id} ${created}`)).size).toBe(1);
    expect(stored.created).toBe(first?.created);
    const text = chunks.map(({ choices: [choice] }) => (choice?.index === 0 ? choice.delta.content : ''));
    expect(stored.choices).toHaveLength(2);
    expect(text.join('')).toBe(stored.choices[0]?.message.content);
  });

  it('is another one for each request, however often it is repeated', async () => {
    const { chats } = await served();
    const plain = { ...request, store: false };
    await chats.create(plain);
    const ids = [await chats.create(request), await chats.create(request)].map(({ id }) => id);
    expect(new Set(ids).size).toBe(2);
    expect(await all(chats.list())).toEqual(ids);
    expect((await chats.create(plain)).id).not.toBe(ids[1]);
  });

  it('is not stored without `store`, or if that is false', async () => {
    const { chats } = await served();
    const { store: _, ...plain } = request;
    for (const body of [plain, { ...plain, store: false }, { ...plain, store: null }]) {
      const { id } = await chats.create(body);
      await expect(chats.retrieve(id)).rejects.toThrow(NotFoundError);
    }
    expect(await all(chats.list())).toEqual([]);
  });

  it('gets other metadata', async () => {
    const { chats } = await served();
    const { id } = await chats.create({ ...request, metadata: { a: '1', b: '2' } });
    const updated = await chats.update(id, { metadata: { b: '3' } });
    expect(updated).toMatchObject({ id, metadata: { b: '3' } });
    expect(await chats.retrieve(id)).toEqual({ ...updated, _request_id: undefined });
    expect(await chats.update(id, { metadata: null })).toMatchObject({ id, metadata: {} });
  });

  it('is deleted', async () => {
    const { chats } = await served();
    const { id } = await chats.create(request);
    expect(await chats.delete(id)).toMatchObject({ object: 'chat.completion.deleted', id, deleted: true });
    const problem = `404 Chat completion with id '${id}' not found.`;
    for (const again of [chats.retrieve(id), chats.delete(id), chats.update(id, { metadata: {} })])
      await expect(again).rejects.toThrow(problem);
    await expect(chats.messages.list(id)).rejects.toThrow(problem);
  });
});

describe('the messages of a stored chat completion', () => {
  const parts: OpenAI.Chat.ChatCompletionContentPart[] = [
    { type: 'text', text: 'Say ' },
    { type: 'image_url', image_url: { url: 'data:,' } },
    { type: 'text', text: 'it.' },
  ];
  const messages: Create['messages'] = [
    { role: 'system', content: 'Be brief.', name: 'ruler' },
    { role: 'user', content: parts },
  ];

  it('are those of the request, in their order', async () => {
    const { chats } = await served();
    const { id } = await chats.create({ ...request, messages });
    const { data, has_more } = await chats.messages.list(id);
    expect(data).toEqual([
      { id: `${id}-0`, role: 'system', content: 'Be brief.', name: 'ruler', content_parts: null },
      { id: `${id}-1`, role: 'user', content: 'Say it.', name: null, content_parts: parts },
    ]);
    expect(has_more).toBe(false);
  });

  it('have pages', async () => {
    const { chats } = await served();
    const { id } = await chats.create({ ...request, messages });
    expect(await all(chats.messages.list(id, { limit: 1, order: 'desc' }))).toEqual([`${id}-1`, `${id}-0`]);
    expect((await chats.messages.list(id, { after: `${id}-0` })).data).toMatchObject([{ id: `${id}-1` }]);
    await expect(chats.messages.list(id, { after: 'x' })).rejects.toThrow(BadRequestError);
  });

  it('are those of an `input`, if the request has that instead', async () => {
    const { base, chats } = await served();
    const response = await post(`${base}/v1/chat/completions`, { input: 'Say it.', store: true });
    const { id } = (await response.json()) as { id: string };
    expect((await chats.messages.list(id)).data).toMatchObject([{ role: 'user', content: 'Say it.' }]);
  });
});

describe('the list of stored chat completions', () => {
  it('begins with the oldest, and has pages', async () => {
    const { base, chats } = await served();
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push((await chats.create(request)).id);
    // Neither use nor an update changes the order.
    await chats.retrieve(ids[0] as string);
    await chats.update(ids[1] as string, { metadata: { a: 'b' } });
    expect(await all(chats.list({ limit: 2 }))).toEqual(ids);
    expect(await all(chats.list({ limit: 2, order: 'desc' }))).toEqual(ids.toReversed());
    const page = await (await fetch(`${base}/v1/chat/completions?limit=2&after=${ids[0]}`)).json();
    expect(page).toMatchObject({ object: 'list', first_id: ids[1], last_id: ids[2], has_more: true });
    const last = await (await fetch(`${base}/v1/chat/completions?after=${ids[4]}`)).json();
    expect(last).toEqual({ object: 'list', data: [], first_id: '', last_id: '', has_more: false });
  });

  it('has only those with the model and the metadata of the query', async () => {
    const { chats } = await served();
    const one = await chats.create({ ...request, model: 'one', metadata: { a: '1', b: '2' } });
    const two = await chats.create({ ...request, model: 'two', metadata: { a: '1' } });
    const listed = (query: OpenAI.Chat.ChatCompletionListParams) => all(chats.list(query));
    expect(await listed({ model: 'two' })).toEqual([two.id]);
    expect(await listed({ metadata: { a: '1' } })).toEqual([one.id, two.id]);
    expect(await listed({ metadata: { a: '1', b: '2' } })).toEqual([one.id]);
    expect(await listed({ metadata: { a: '2' } })).toEqual([]);
    expect(await listed({ metadata: { toString: '2' } })).toEqual([]);
  });

  it.each([
    ['limit=-1', 'integer_below_min_value', 'limit'],
    ['limit=101', 'integer_above_max_value', 'limit'],
    ['limit=x', 'invalid_type', 'limit'],
    ['order=up', 'invalid_value', 'order'],
    ['after=x', 'invalid_value', 'after'],
    [`metadata[a]=${'x'.repeat(513)}`, 'string_above_max_length', 'metadata.a'],
  ])('rejects %s', async (query, code, param) => {
    const { base } = await served();
    const response = await fetch(`${base}/v1/chat/completions?${query}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error', code, param } });
  });
});

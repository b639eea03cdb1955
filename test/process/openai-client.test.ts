import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import OpenAI, { APIError, NotFoundError } from 'openai';
import { describe, expect, it } from 'vitest';
import { startServer } from '../support/server-process.js';

type Message = OpenAI.Chat.ChatCompletionMessageParam;

async function clientOf(dataset: string): Promise<OpenAI> {
  return new OpenAI({ baseURL: `${await startServer([dataset]).url()}/v1`, apiKey: 'any', maxRetries: 0 });
}

const sample = fileURLToPath(new URL('../../data/sample.json', import.meta.url));
const conversations = JSON.parse(readFileSync(sample, 'utf8')) as {
  id: string;
  conversations: { value: string }[];
}[];
const [first] = conversations;
const turns = first?.conversations.map(({ value }) => value) ?? [];
const user = (content: string): Message => ({ role: 'user', content });

describe('the openai client', () => {
  it('creates a completion', async () => {
    const client = await clientOf(sample);
    const messages = [user(turns[0] as string)];
    const { data, response, request_id } = await client.chat.completions
      .create({ model: 'any', messages })
      .withResponse();
    expect(data.choices[0]?.message).toMatchObject({ role: 'assistant', content: turns[1] });
    expect(data.choices[0]?.finish_reason).toBe('stop');
    expect(data.model).toBe('any');
    expect(data.usage?.total_tokens).toBeGreaterThan(2);
    expect(request_id).toMatch(/^req_[0-9a-f]{32}$/);
    expect(response.headers.get('x-verbatim-source')).toBe(`${first?.id}#1`);
  });

  it('streams a completion, in pieces that are the reply together', async () => {
    const client = await clientOf(sample);
    const stream_options = { include_usage: true };
    const messages = [user(turns[0] as string)];
    const stream = await client.chat.completions.create({
      model: 'any',
      messages,
      stream: true,
      stream_options,
    });
    const pieces: string[] = [];
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of stream) {
      pieces.push(chunk.choices[0]?.delta.content ?? '');
      usage = chunk.usage;
    }
    expect(pieces.join('')).toBe(turns[1]);
    expect(pieces.length).toBeGreaterThan(10);
    expect(usage?.completion_tokens).toBeGreaterThan(10);
  });

  it('streams through its helper', async () => {
    const client = await clientOf(sample);
    const stream = client.chat.completions.stream({ model: 'any', messages: [user(turns[0] as string)] });
    expect(await stream.finalContent()).toBe(turns[1]);
  });

  it('lists the dataset as the model', async () => {
    const { data } = await (await clientOf(sample)).models.list();
    expect(data).toEqual([
      {
        id: 'sample',
        object: 'model',
        created: expect.any(Number),
        owned_by: 'verbatim',
        root: 'sample',
        parent: null,
        max_model_len: 131_072,
      },
    ]);
  });

  it('throws what OpenAI would make it throw', async () => {
    const client = await clientOf(sample);
    const miss = client.chat.completions.create({ model: 'any', messages: [user('It stands nowhere.')] });
    await expect(miss).rejects.toThrow(NotFoundError);
    await expect(miss).rejects.toMatchObject({ status: 404, code: 'prompt_not_found', param: 'messages' });
    const empty = client.chat.completions.create({ model: 'any', messages: [] });
    await expect(empty).rejects.toThrow(APIError);
    await expect(empty).rejects.toMatchObject({ status: 400, code: 'empty_array', param: 'messages' });
  });

  it('gets every next turn of a conversation when it sends those before', async () => {
    const client = await clientOf(sample);
    for (let i = 1; i < turns.length; i += 2) {
      const messages = turns
        .slice(0, i)
        .map((content, n): Message => ({ role: n % 2 === 0 ? 'user' : 'assistant', content }));
      const { choices } = await client.chat.completions.create({ model: 'any', messages });
      expect(choices[0]?.message.content).toBe(turns[i]);
    }
  });

  it('gets the first recorded reply, and in a context the reply of that conversation', async () => {
    const client = await clientOf(sample);
    const ask = async (...contents: string[]) => {
      const messages = contents.map(
        (content, i): Message => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }),
      );
      const { choices } = await client.chat.completions.create({ model: 'any', messages });
      return choices[0]?.message.content as string;
    };
    const thanked = conversations
      .map((each) => each.conversations.map(({ value }) => value))
      .filter((values) => values.includes('thanks'));
    const replyIn = (values: string[] | undefined) => values?.[values.indexOf('thanks') + 1];
    expect(thanked.length).toBeGreaterThan(10);
    expect(await ask('thanks')).toBe(replyIn(thanked[0]));
    for (const values of thanked) {
      expect(await ask(...values.slice(0, values.indexOf('thanks') + 1))).toBe(replyIn(values));
    }
  });
});

import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import OpenAI, {
  APIError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
} from 'openai';
import { ChatCompletionStream } from 'openai/lib/ChatCompletionStream';
import { beforeAll, describe, expect, it } from 'vitest';
import { guardedBy } from '../support/app.js';
import {
  expectCounts,
  PROMPT,
  RECORDED,
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
import { startServer, startShared } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';

type Message = OpenAI.Chat.ChatCompletionMessageParam;

const sample = fileURLToPath(new URL('../../data/sample.json', import.meta.url));
const conversations = JSON.parse(readFileSync(sample, 'utf8')) as {
  id: string;
  conversations: { value: string }[];
}[];
const [first] = conversations;
const turns = first?.conversations.map(({ value }) => value) ?? [];
const user = (content: string): Message => ({ role: 'user', content });

describe('the openai client, with the sample', () => {
  let client: OpenAI;
  beforeAll(async () => {
    const url = await startShared([sample]).url();
    client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any', maxRetries: 0 });
  });

  it('creates a completion', async () => {
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

  it('streams a completion in pieces that join to the reply', async () => {
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
    const stream = client.chat.completions.stream({ model: 'any', messages: [user(turns[0] as string)] });
    expect(await stream.finalContent()).toBe(turns[1]);
  });

  it('creates a response, and continues it', async () => {
    const one = await client.responses.create({ model: 'any', input: turns[0] as string });
    expect(one.output_text).toBe(turns[1]);
    expect(one).toMatchObject({ status: 'completed', model: 'any', error: null });
    expect(one.usage?.total_tokens).toBeGreaterThan(2);
    const two = await client.responses.create({
      model: 'any',
      input: [{ role: 'user', content: [{ type: 'input_text', text: turns[2] as string }] }],
      previous_response_id: one.id,
    });
    expect(two.output_text).toBe(turns[3]);
  });

  it('streams a response in pieces that join to the reply', async () => {
    const input = turns[0] as string;
    const pieces: string[] = [];
    let last: OpenAI.Responses.ResponseStreamEvent | undefined;
    let count = 0;
    for await (const event of await client.responses.create({ model: 'any', input, stream: true })) {
      expect(event.sequence_number).toBe(count++);
      if (event.type === 'response.output_text.delta') pieces.push(event.delta);
      last = event;
    }
    expect(pieces.join('')).toBe(turns[1]);
    expect(pieces.length).toBeGreaterThan(10);
    expect(last).toMatchObject({ type: 'response.completed', response: { status: 'completed' } });
  });

  it('streams a response through its helper', async () => {
    const response = await client.responses
      .stream({ model: 'any', input: turns[0] as string })
      .finalResponse();
    expect(response.output_text).toBe(turns[1]);
    expect(response.usage?.output_tokens).toBeGreaterThan(10);
  });

  it('retrieves a response, streams it again, lists its input and deletes it', async () => {
    const input = turns
      .slice(0, 1)
      .concat(Array(24).fill('thanks'))
      .map((content) => ({ role: 'user' as const, content }));
    const { id, output_text } = await client.responses.create({ model: 'any', input });
    expect((await client.responses.retrieve(id)).output_text).toBe(output_text);
    let streamed = '';
    for await (const event of await client.responses.retrieve(id, { stream: true })) {
      if (event.type === 'response.output_text.delta') streamed += event.delta;
    }
    expect(streamed).toBe(output_text);
    const texts: unknown[] = [];
    // More than a page: the client requests the next one.
    for await (const item of client.responses.inputItems.list(id)) {
      texts.push(item.type === 'message' && item.content[0]?.type === 'input_text' && item.content[0].text);
    }
    expect(texts).toEqual(input.map(({ content }) => content).reverse());
    await client.responses.delete(id);
    await expect(client.responses.retrieve(id)).rejects.toMatchObject({
      status: 404,
      code: 'response_not_found',
    });
  });

  it('lists the dataset as the model', async () => {
    const { data } = await client.models.list();
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

  it('throws the same errors as with OpenAI', async () => {
    const miss = client.chat.completions.create({ model: 'any', messages: [user('It stands nowhere.')] });
    await expect(miss).rejects.toThrow(NotFoundError);
    await expect(miss).rejects.toMatchObject({ status: 404, code: 'prompt_not_found', param: 'messages' });
    const response = client.responses.create({ model: 'any', input: 'It stands nowhere.' });
    await expect(response).rejects.toMatchObject({ status: 404, code: 'prompt_not_found', param: 'input' });
    const empty = client.chat.completions.create({ model: 'any', messages: [] });
    await expect(empty).rejects.toThrow(APIError);
    await expect(empty).rejects.toMatchObject({ status: 400, code: 'empty_array', param: 'messages' });
  });

  it('gets each turn of a conversation when it sends those before it', async () => {
    for (let i = 1; i < turns.length; i += 2) {
      const messages = turns
        .slice(0, i)
        .map((content, n): Message => ({ role: n % 2 === 0 ? 'user' : 'assistant', content }));
      const { choices } = await client.chat.completions.create({ model: 'any', messages });
      expect(choices[0]?.message.content).toBe(turns[i]);
    }
  });

  it('gets the first recorded reply, or with context that of the conversation', async () => {
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

let baseURL: string;
let client: OpenAI;
beforeAll(async () => {
  baseURL = (await serveRecorded()).baseUrl;
  client = new OpenAI({ baseURL, apiKey: 'any' });
});

const model = 'any';
const messages: Message[] = [user(PROMPT)];
const talk = TALK.map((content, i): Message => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }));
const countsOf = (usage: OpenAI.CompletionUsage | undefined) => ({
  prompt: usage?.prompt_tokens,
  completion: usage?.completion_tokens,
  total: usage?.total_tokens,
});

describe("the openai client's stream", () => {
  it('has its response and request id before its chunks', async () => {
    const { data, response, request_id } = await client.chat.completions
      .create({ model, messages, stream: true }, { headers: { 'x-request-id': 'mine' } })
      .withResponse();
    expect([request_id, response.headers.get('x-verbatim-source')]).toEqual(['mine', 'alone#1']);
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of data) chunks.push(chunk);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe(REPLY);
    expect(new Set(chunks.map(({ id, created }) => `${id} ${created}`)).size).toBe(1);
  });

  it('has no chunk without choices, and no usage, unless it was requested', async () => {
    for await (const chunk of await client.chat.completions.create({ model, messages, stream: true })) {
      expect(chunk.choices).toHaveLength(1);
      expect(chunk).not.toHaveProperty('usage');
    }
  });

  it('can be teed into two complete streams', async () => {
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    for (const half of stream.tee()) {
      let content = '';
      for await (const { choices } of half) content += choices[0]?.delta.content ?? '';
      expect(content).toBe(REPLY);
    }
  });
});

describe("the openai client's streaming helper", () => {
  const stream_options = { include_usage: true };

  it('emits the content in pieces, then whole, and ends once', async () => {
    const stream = client.chat.completions.stream({ model, messages });
    const events: string[] = [];
    const pieces: string[] = [];
    stream
      .on('connect', () => events.push('connect'))
      .on('content', (piece, snapshot) => {
        pieces.push(piece);
        expect(snapshot).toBe(pieces.join(''));
      })
      .on('content.done', ({ content }) => events.push(`content.done ${content}`))
      .on('finalContent', (content) => events.push(`finalContent ${content}`))
      .on('end', () => events.push('end'));
    await stream.done();
    expect(pieces.length).toBeGreaterThan(5);
    expect(pieces.join('')).toBe(REPLY);
    expect(events).toEqual(['connect', `content.done ${REPLY}`, `finalContent ${REPLY}`, 'end']);
  });

  it('assembles the same completion as without a stream', async () => {
    const stream = client.chat.completions.stream({ model, messages: talk, stream_options });
    const whole = await client.chat.completions.create({ model, messages: talk });
    const final = await stream.finalChatCompletion();
    expect(await stream.finalContent()).toBe(TALK_REPLY);
    expect(await stream.finalMessage()).toMatchObject({ role: 'assistant', content: TALK_REPLY });
    expect(final).toMatchObject({ object: 'chat.completion', model: whole.model, created: whole.created });
    expect(final.system_fingerprint).toBe(whole.system_fingerprint);
    expect(final.choices).toHaveLength(1);
    expect(final.choices[0]?.finish_reason).toBe(whole.choices[0]?.finish_reason);
  });

  it('reports as many tokens', async () => {
    const stream = client.chat.completions.stream({ model, messages: talk, stream_options });
    const usage = await stream.totalUsage();
    expectCounts(countsOf(usage));
    const whole = await client.chat.completions.create({ model, messages: talk });
    expect(countsOf(usage)).toEqual(countsOf(whole.usage));
    expect((await stream.finalChatCompletion()).usage).toEqual(whole.usage);
  });

  it('emits an error', async () => {
    const stream = client.chat.completions.stream({ model, messages: [user('It stands nowhere.')] });
    const errors: unknown[] = [];
    stream.on('error', (error) => errors.push(error));
    await expect(stream.finalContent()).rejects.toThrow(NotFoundError);
    expect(errors).toMatchObject([{ status: 404, code: 'prompt_not_found' }]);
  });

  it('reads a forwarded stream', async () => {
    const served = await client.chat.completions.create({ model, messages, stream: true });
    const passedOn = ChatCompletionStream.fromReadableStream(served.toReadableStream());
    expect(await passedOn.finalContent()).toBe(REPLY);
  });
});

describe("the openai client's responses", () => {
  it.each(['at once', 'through the streaming helper'])('call a function, %s, and continue', async (how) => {
    const asked = { model, input: TOOL_PROMPT };
    const called =
      how === 'at once'
        ? await client.responses.create(asked)
        : await client.responses.stream(asked).finalResponse();
    const [call] = called.output;
    if (call?.type !== 'function_call') throw new Error('expected a function call');
    expect(call).toMatchObject({ name: TOOL_NAME, status: 'completed' });
    expect(JSON.parse(call.arguments)).toEqual(TOOL_INPUT);
    const result = { type: 'function_call_output' as const, call_id: call.call_id, output: TOOL_RESULT };
    const { id } = called;
    const continued = await client.responses.create({ model, input: [result], previous_response_id: id });
    expect(continued.output_text).toBe(TOOL_REPLY);
    const input = [{ role: 'user' as const, content: TOOL_PROMPT }, call, result];
    expect((await client.responses.create({ model, input })).output_text).toBe(TOOL_REPLY);
  });
});

describe('the openai client', () => {
  it.each(['system', 'developer'] as const)('gets the reply with a %s message', async (role) => {
    const { choices } = await client.chat.completions.create({
      model,
      messages: [{ role, content: SYSTEM }, ...talk],
    });
    expect(choices[0]?.message.content).toBe(SYSTEM_REPLY);
  });

  it('reports the source of a completion, streamed or not', async () => {
    const asked = { model, prompt: PROMPT };
    const whole = await client.completions.create(asked).withResponse();
    const stream = await client.completions.create({ ...asked, stream: true }).withResponse();
    expect(whole.data.choices[0]?.text).toBe(REPLY);
    let text = '';
    for await (const { choices } of stream.data) text += choices[0]?.text ?? '';
    expect(text).toBe(REPLY);
    for (const { response, request_id } of [whole, stream]) {
      expect(response.headers.get('x-verbatim-source')).toBe('alone#1');
      expect(request_id).toMatch(/^req_/);
    }
  });

  it('lists one page of models, and retrieves them by any name', async () => {
    const ids: string[] = [];
    for await (const { id } of client.models.list()) ids.push(id);
    expect(ids).toEqual(['dataset']);
    for (const id of ['dataset', 'meta-llama/Llama-3', 'naïve name?']) {
      expect(await client.models.retrieve(id)).toMatchObject({ id, object: 'model', root: 'dataset' });
    }
  });

  it('is rejected without the right key', async () => {
    const { baseUrl } = await serveRecorded(guardedBy('right'));
    const listWith = (apiKey: string) => new OpenAI({ baseURL: baseUrl, apiKey }).models.list();
    await expect(listWith('wrong')).rejects.toThrow(AuthenticationError);
    await expect(listWith('wrong')).rejects.toMatchObject({
      status: 401,
      code: 'invalid_api_key',
      param: null,
    });
    expect((await listWith('right')).data).toHaveLength(1);
  });

  it('is rejected with another model by a strict server', async () => {
    const { baseUrl } = await serveRecorded({ strictModels: true });
    const strict = new OpenAI({ baseURL: baseUrl, apiKey: 'any' });
    const missing = { status: 404, code: 'model_not_found', param: null, type: 'invalid_request_error' };
    await expect(strict.models.retrieve('other')).rejects.toMatchObject(missing);
    const asked = strict.chat.completions.create({ model: 'other', messages });
    await expect(asked).rejects.toMatchObject(missing);
    await expect(asked).rejects.toThrow('404 The model `other` does not exist.');
  });

  it.each([
    ['a field of the wrong type', { stream: 'yes' }, 'invalid_type', 'stream'],
    ['an invalid role', { messages: [{ role: 'me', content: '' }] }, 'invalid_value', 'messages[0].role'],
    ['no messages', { messages: undefined }, 'missing_required_parameter', 'messages'],
    ['too many choices', { n: 1000 }, 'integer_above_max_value', 'n'],
  ])('throws for %s, without a retry', async (_what, fields, code, param) => {
    const { exchanges, fetch } = watchedFetch();
    const asking = new OpenAI({ baseURL, apiKey: 'any', fetch });
    const body = { model, messages, ...fields } as OpenAI.ChatCompletionCreateParamsNonStreaming;
    const error = await asking.chat.completions.create(body).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ status: 400, type: 'invalid_request_error', code, param });
    expect((error as APIError).requestID).toMatch(/^req_[0-9a-f]+$/);
    expect(exchanges).toHaveLength(1);
  });

  it('retries when the server is busy', async () => {
    const { baseUrl } = await serveRecordedBusyOnce();
    const { exchanges, fetch } = watchedFetch();
    const asking = new OpenAI({ baseURL: baseUrl, apiKey: 'any', fetch });
    const { choices } = await asking.chat.completions.create({ model, messages });
    expect(choices[0]?.message.content).toBe(REPLY);
    expect(exchanges).toMatchObject([{ status: 503, retryAfter: '1' }, { status: 200 }]);
  });

  it('throws when the server is busy and retries are off', async () => {
    const { baseUrl } = await serveRecordedBusyOnce();
    const asking = new OpenAI({ baseURL: baseUrl, apiKey: 'any', maxRetries: 0 });
    const asked = asking.chat.completions.create({ model, messages });
    await expect(asked).rejects.toThrow(InternalServerError);
    await expect(asked).rejects.toMatchObject({
      status: 503,
      code: 'overloaded',
      type: 'server_error',
      param: null,
    });
  });

  it('retries until a dataset that is being written is complete', async () => {
    const path = join(temporaryFolder(), 'dataset.json');
    writeFileSync(path, RECORDED);
    const server = startServer([path, '--index-dir', 'none']);
    const { exchanges, fetch } = watchedFetch(() => writeFileSync(path, RECORDED));
    const asking = new OpenAI({ baseURL: `${await server.url()}/v1`, apiKey: 'any', maxRetries: 10, fetch });
    truncateSync(path, Math.floor(RECORDED.length / 2));
    await server.waitFor(/dataset unavailable/, 'stderr');
    const { choices } = await asking.chat.completions.create({ model, messages });
    expect(choices[0]?.message.content).toBe(REPLY);
    const statuses = exchanges.map(({ status }) => status);
    expect([statuses[0], statuses.at(-1)]).toEqual([503, 200]);
  });
});

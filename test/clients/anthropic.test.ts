/** Anthropic's own client. */

import Anthropic from '@anthropic-ai/sdk';
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

const clientOf = (baseURL: string, fetch = globalThis.fetch) =>
  new Anthropic({ baseURL, apiKey: 'any', fetch, maxRetries: 1 });
const client = () => clientOf(origin);

type Messages = Anthropic.MessageCreateParams['messages'];
const bodyOf = (said: string | Messages, more: Partial<Anthropic.MessageCreateParams> = {}) => ({
  model: 'recorded',
  max_tokens: 1024,
  messages: typeof said === 'string' ? [{ role: 'user' as const, content: said }] : said,
  ...(more as object),
});
const talk: Messages = TALK.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }));

const textOf = ({ content }: Anthropic.Message) =>
  content.map((block) => (block.type === 'text' ? block.text : '')).join('');
const countsOf = ({ usage: { input_tokens: prompt, output_tokens: completion } }: Anthropic.Message) => ({
  prompt,
  completion,
  total: prompt + completion,
});

describe("Anthropic's client", () => {
  it('gets the recorded reply', async () => {
    const message = await client().messages.create(bodyOf(PROMPT));
    expect(message).toMatchObject({
      type: 'message',
      role: 'assistant',
      model: 'recorded',
      content: [{ type: 'text', text: REPLY }],
      stop_reason: 'end_turn',
      stop_sequence: null,
    });
    expect(message.id).toMatch(/^msg_/);
    expect(message._request_id).toMatch(/^req_/);
    expectCounts(countsOf(message));
  });

  it('gets it in pieces, and reports as many tokens', async () => {
    const stream = client().messages.stream(bodyOf(PROMPT));
    const pieces: string[] = [];
    const types = new Set<string>();
    stream.on('text', (piece) => pieces.push(piece));
    stream.on('streamEvent', ({ type }) => types.add(type));
    const message = await stream.finalMessage();
    expect(pieces.length).toBeGreaterThan(5);
    expect(pieces.join('')).toBe(REPLY);
    expect(textOf(message)).toBe(REPLY);
    expect([...types]).toEqual([
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
    expect(message.stop_reason).toBe('end_turn');
    expect(countsOf(message)).toEqual(countsOf(await client().messages.create(bodyOf(PROMPT))));
  });

  it('gets the reply of the conversation that it sends, with a system message, too', async () => {
    expect(textOf(await client().messages.create(bodyOf(talk)))).toBe(TALK_REPLY);
    const blocks = [{ type: 'text', text: SYSTEM, cache_control: { type: 'ephemeral' } }] as const;
    for (const system of [SYSTEM, [...blocks]]) {
      expect(textOf(await client().messages.create(bodyOf(talk, { system })))).toBe(SYSTEM_REPLY);
      const stream = client().messages.stream(bodyOf(talk, { system }));
      expect(textOf(await stream.finalMessage())).toBe(SYSTEM_REPLY);
    }
  });

  it('gets a reply that ends before a stop sequence, or at the token limit', async () => {
    const stopped = await client().messages.create(bodyOf(PROMPT, { stop_sequences: ['none', 'they'] }));
    expect([textOf(stopped), stopped.stop_reason, stopped.stop_sequence]).toEqual([
      REPLY.slice(0, REPLY.indexOf('they')),
      'stop_sequence',
      'they',
    ]);
    const cut = await client()
      .messages.stream(bodyOf(PROMPT, { max_tokens: 2 }))
      .finalMessage();
    expect([cut.stop_reason, cut.stop_sequence, cut.usage.output_tokens]).toEqual(['max_tokens', null, 2]);
    expect(REPLY.startsWith(textOf(cut))).toBe(true);
  });

  it('gets it with the beta API, too', async () => {
    const { exchanges, fetch } = watchedFetch();
    const message = await clientOf(origin, fetch).beta.messages.create({ ...bodyOf(PROMPT), betas: ['any'] });
    expect(message.content).toMatchObject([{ type: 'text', text: REPLY }]);
    expect(exchanges[0]?.path).toBe('/v1/messages');
  });

  it('counts the tokens of a message before it is sent, 50 at once', async () => {
    const tools = [{ name: TOOL_NAME, input_schema: { type: 'object' as const } }];
    const more = { system: SYSTEM, tools };
    const { usage } = await client().messages.create(bodyOf(talk, more));
    const counts = await Promise.all(
      Array.from({ length: 50 }, () =>
        client().messages.countTokens({ model: 'recorded', messages: talk, ...more }),
      ),
    );
    for (const { input_tokens } of counts) expect(input_tokens).toBe(usage.input_tokens);
    const bare = await client().messages.countTokens({ model: 'recorded', messages: talk });
    expect(bare.input_tokens).toBeLessThan(usage.input_tokens);
  });

  it('lists the models', async () => {
    const ids: string[] = [];
    for await (const { id, type } of client().models.list()) ids.push(`${type} ${id}`);
    expect(ids).toEqual(['model dataset']);
    const model = await client().models.retrieve('dataset');
    expect(model).toMatchObject({ id: 'dataset', display_name: 'dataset' });
    expect(new Date(model.created_at)).toEqual(new Date(1_700_000_000_000));
  });

  it('throws for a miss, without a retry', async () => {
    const { exchanges, fetch } = watchedFetch();
    const { messages } = clientOf(origin, fetch);
    const isMiss = (error: unknown) => {
      expect(error).toBeInstanceOf(Anthropic.NotFoundError);
      const { status, type, message, requestID } = error as InstanceType<typeof Anthropic.APIError>;
      expect([status, type]).toEqual([404, 'not_found_error']);
      expect(message).toContain('No recorded reply in ');
      expect(requestID).toMatch(/^req_/);
      return true;
    };
    await expect(messages.create(bodyOf('It stands nowhere.'))).rejects.toSatisfy(isMiss);
    await expect(messages.stream(bodyOf('It stands nowhere.')).done()).rejects.toSatisfy(isMiss);
    expect(exchanges.map(({ status }) => status)).toEqual([404, 404]);
  });

  it('throws for what is invalid', async () => {
    const invalid = client().messages.create(bodyOf([]));
    await expect(invalid).rejects.toBeInstanceOf(Anthropic.BadRequestError);
    await expect(invalid).rejects.toMatchObject({ type: 'invalid_request_error' });
  });

  it('retries when the server is busy', async () => {
    const { exchanges, fetch } = watchedFetch();
    const busy = clientOf((await serveRecordedBusyOnce()).origin, fetch);
    expect(textOf(await busy.messages.create(bodyOf(PROMPT)))).toBe(REPLY);
    expect(exchanges).toMatchObject([{ status: 503, retryAfter: '1' }, { status: 200 }]);
  });
});

describe("Anthropic's client with a tool", () => {
  const tools = [
    {
      name: TOOL_NAME,
      input_schema: { type: 'object' as const, properties: { city: { type: 'string' } } },
    },
  ];
  const asked: Messages = [{ role: 'user', content: TOOL_PROMPT }];

  const resultOf = (message: Anthropic.Message): Messages => {
    const [block] = message.content;
    if (block?.type !== 'tool_use') throw new Error(`expected a call, got ${block?.type}`);
    expect([block.name, block.input, message.stop_reason]).toEqual([TOOL_NAME, TOOL_INPUT, 'tool_use']);
    const result = { type: 'tool_result' as const, tool_use_id: block.id, content: TOOL_RESULT };
    return [...asked, { role: 'assistant', content: message.content }, { role: 'user', content: [result] }];
  };

  it('gets the recorded call, and the reply to its result', async () => {
    const called = await client().messages.create(bodyOf(asked, { tools }));
    const message = await client().messages.create(bodyOf(resultOf(called), { tools }));
    expect(textOf(message)).toBe(TOOL_REPLY);
  });

  it('assembles the call from a stream', async () => {
    const stream = client().messages.stream(bodyOf(asked, { tools }));
    const inputs: unknown[] = [];
    stream.on('inputJson', (_piece, input) => inputs.push(input));
    const called = await stream.finalMessage();
    expect(inputs.length).toBeGreaterThan(5);
    expect(inputs.at(-1)).toEqual(TOOL_INPUT);
    const message = await client()
      .messages.stream(bodyOf(resultOf(called), { tools }))
      .finalMessage();
    expect(textOf(message)).toBe(TOOL_REPLY);
  });

  it('gets the call as a text if it wants none', async () => {
    const message = await client().messages.create(bodyOf(asked, { tools, tool_choice: { type: 'none' } }));
    expect(textOf(message)).toContain(`"name": "${TOOL_NAME}"`);
    expect(message.stop_reason).toBe('end_turn');
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMessagesRequest } from '#dist/anthropic/messages-request.js';
import { parseConversation } from '#dist/core/conversation.js';
import { AppError } from '#dist/core/errors.js';
import { type Message, queryOf } from '#dist/core/query.js';
import type { RecordedMessage, UpstreamFormat } from '#dist/core/recording.js';
import { isNative } from '#dist/dataset/shapes/shapes.js';
import { parseChatRequest } from '#dist/openai/chat-request.js';
import { messagesOf } from '#dist/openai/responses-items.js';
import { parseResponsesRequest } from '#dist/openai/responses-request.js';
import { conversationOf } from '#dist/upstream/conversation.js';
import { keysOf } from '#dist/upstream/conversation-key.js';
import { runs } from '../support/factor.js';
import { plainFind } from '../support/plain-lookup.js';
import { CHOSEN } from '../support/shapes-read.js';

const REPLY: RecordedMessage = { role: 'assistant', content: 'The recorded reply.' };

/** The messages that the request's own parser finds. */
const PARSERS: Readonly<Record<'chat' | 'responses' | 'messages', (body: object) => readonly Message[]>> = {
  chat: (body) => parseChatRequest(body).messages,
  responses: (body) => {
    const { instructions, input = [] } = parseResponsesRequest(body);
    return [
      ...(instructions === undefined ? [] : [{ role: 'system', text: instructions }]),
      ...messagesOf(input),
    ];
  },
  messages: (body) => parseMessagesRequest(body).messages,
};

const text = fc.oneof(
  fc.constantFrom('', 'a', 'b', ' ', '\n\nc', '<think>x</think>d', '{"x": 1}'),
  fc.string(),
);
const odd = fc.constantFrom<object>(
  { type: 'image_url', image_url: { url: 'data:,' } },
  { type: 'image', source: { type: 'url', url: 'https://x' } },
  { type: 'input_audio', input_audio: { data: '', format: 'wav' } },
  { type: 'file', file: { file_id: 'f' } },
  { type: 'thinking', thinking: 'h', signature: 's' },
  { type: 'reasoning', text: 'h' },
  { type: 'redacted_thinking', data: 's' },
  { type: 'refusal', refusal: 'No.' },
  { type: 'server_tool_use', id: 's', name: 'web_search', input: { query: 'x' } },
  { type: 'web_search_tool_result', tool_use_id: 's', content: [{ type: 'web_search_result', title: 't' }] },
  { type: 'mcp_tool_use', id: 's', name: 'm', input: {} },
  { type: 'mcp_tool_result', tool_use_id: 's', content: [{ type: 'text', text: 't' }] },
  { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'd' }, title: 't' },
  { type: 'tool_use', id: 'u', name: 'f', input: { x: [1] } },
  { type: 'tool_use', id: 'u', name: 'g', input: {} },
  { type: 'tool_call', value: '{"name": "f", "arguments": {}}' },
);
const result = fc.record({
  type: fc.constant('tool_result'),
  tool_use_id: fc.constant('u'),
  content: fc.oneof(text, fc.array(text.map((each) => ({ type: 'text', text: each })))),
});
const part = (types: readonly string[]) =>
  fc.oneof({ weight: 3, arbitrary: fc.record({ type: fc.constantFrom(...types), text }) }, odd, result);
const content = (...types: readonly string[]) =>
  fc.oneof({ weight: 2, arbitrary: text }, fc.array(part(types), { maxLength: 4 }));
const openaiContent = content('text', 'input_text', 'output_text');
const given = fc.constantFrom('{"x": 1}', '{"x":1}', '', '{}', 'no JSON');
const call = fc.record({ name: fc.constantFrom('f', 'g'), arguments: given });
const toolCall = fc.record({
  id: fc.constantFrom('1', '2', null),
  type: fc.constant('function'),
  function: call,
});

const chatMessage = fc.oneof(
  fc.record({ role: fc.constantFrom('user', 'system', 'developer', 'function'), content: openaiContent }),
  fc.record(
    {
      role: fc.constant('assistant'),
      content: fc.oneof(openaiContent, fc.constant(null)),
      refusal: fc.constantFrom('No.', null),
      reasoning_content: text,
      value: text,
      tool_calls: fc.array(
        fc.oneof(toolCall, fc.constant({ type: 'custom', custom: { name: 'c', input: 'i' } })),
      ),
      function_call: call,
    },
    { requiredKeys: ['role'] },
  ),
  fc.record({ role: fc.constant('tool'), content: openaiContent, tool_call_id: fc.constantFrom('1', '2') }),
);

const item = fc.oneof(
  fc.record(
    {
      type: fc.constant('message'),
      role: fc.constantFrom('user', 'assistant', 'system', 'developer'),
      content: openaiContent,
    },
    { requiredKeys: ['role', 'content'] },
  ),
  call.map((each) => ({ type: 'function_call', call_id: '1', ...each })),
  fc.record({ type: fc.constant('function_call_output'), call_id: fc.constant('1'), output: openaiContent }),
  fc.constant({ type: 'reasoning', summary: [{ type: 'summary_text', text: 'h' }] }),
);

const BODIES: Readonly<Record<keyof typeof PARSERS, fc.Arbitrary<object>>> = {
  chat: fc.record({ messages: fc.array(chatMessage, { minLength: 1, maxLength: 6 }) }),
  responses: fc.record(
    { instructions: text, input: fc.oneof(text, fc.array(item, { minLength: 1, maxLength: 6 })) },
    { requiredKeys: ['input'] },
  ),
  messages: fc.record(
    {
      model: fc.constant('m'),
      max_tokens: fc.constant(10),
      system: content('text'),
      messages: fc.array(
        fc.record({ role: fc.constantFrom('user', 'assistant'), content: content('text', 'document') }),
        { minLength: 1, maxLength: 6 },
      ),
    },
    { requiredKeys: ['model', 'max_tokens', 'messages'] },
  ),
};

describe.each(Object.keys(PARSERS) as (keyof typeof PARSERS)[])('a recorded conversation of %s', (format) => {
  it('has the texts for which the request is looked up, in the file itself', () => {
    let found = 0;
    fc.assert(
      fc.property(BODIES[format], (body) => {
        const messages = parsedBy(PARSERS[format], body);
        fc.pre(messages !== undefined);
        const [conversation] = conversationOf(format, body) ?? [];
        fc.pre(conversation !== undefined);
        found++;
        const query = queryOf(messages as readonly Message[]);
        const record = JSON.parse(JSON.stringify({ messages: [...(conversation as object[]), REPLY] }));
        const match = query && plainFind([record], query);
        expect([match?.rung, match?.reply.value]).toEqual(['context', REPLY.content]);
        expect(query?.histories).toContainEqual(
          parseConversation(record)
            ?.turns.slice(0, -1)
            .flatMap(({ value }) => value || []),
        );
        expect(isNative(record, CHOSEN)).toBe(true);
      }),
      runs(1000),
    );
    expect(found).toBeGreaterThan(50);
  });
});

describe('a conversation', () => {
  const chat = (...messages: object[]) => conversationOf('chat', { messages });
  const responses = (...input: object[]) => conversationOf('responses', { input });

  it('has the messages of a chat as they were sent', () => {
    const messages = [
      { role: 'developer', content: 'Be kind.' },
      {
        role: 'user',
        name: 'ann',
        content: [
          { type: 'text', text: 'Hi' },
          { type: 'image_url', image_url: {} },
        ],
      },
      { role: 'assistant', content: null, reasoning_content: 'h', tool_calls: [toolCallOf('1', 'f', '{}')] },
      { role: 'tool', content: 'r', tool_call_id: '1' },
    ];
    expect(chat(...messages)).toEqual([messages]);
  });

  it('has the items of a response as messages, with parallel calls in one', () => {
    const body = {
      instructions: 'Be kind.',
      input: [
        { role: 'user', content: [{ type: 'input_text', text: 'Hi' }] },
        { type: 'reasoning', summary: [] },
        { type: 'function_call', call_id: '1', name: 'f', arguments: '{}' },
        { type: 'function_call', call_id: '2', name: 'g', arguments: '{}' },
        { type: 'function_call_output', call_id: '1', output: 'r' },
      ],
    };
    expect(conversationOf('responses', body)).toEqual([
      [
        { role: 'system', content: 'Be kind.' },
        { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
        {
          role: 'assistant',
          content: null,
          tool_calls: [toolCallOf('1', 'f', '{}'), toolCallOf('2', 'g', '{}')],
        },
        { role: 'tool', content: 'r', tool_call_id: '1' },
      ],
    ]);
  });

  it('has a message of Anthropic’s for each result of a tool, without the thinking', () => {
    const body = {
      system: 'Be kind.',
      messages: [
        { role: 'user', content: 'Hi' },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'h', signature: 's' },
            { type: 'text', text: 'Wait.' },
            { type: 'tool_use', id: '1', name: 'f', input: { x: 1 } },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: '1', content: [{ type: 'text', text: 'r' }] },
            { type: 'text', text: 'And?' },
          ],
        },
      ],
    };
    expect(conversationOf('messages', body)).toEqual([
      [
        { role: 'system', content: 'Be kind.' },
        { role: 'user', content: 'Hi' },
        {
          role: 'assistant',
          content: [{ type: 'text', text: 'Wait.' }],
          tool_calls: [toolCallOf('1', 'f', '{"x":1}')],
        },
        { role: 'tool', content: [{ type: 'text', text: 'r' }], tool_call_id: '1' },
        { role: 'user', content: [{ type: 'text', text: 'And?' }] },
      ],
    ]);
  });

  it('is one for each prompt of completions', () => {
    const one = (content: string) => [{ role: 'user', content }];
    expect(conversationOf('completions', { prompt: 'a' })).toEqual([one('a')]);
    expect(conversationOf('completions', { prompt: ['a', 'b'] })).toEqual([one('a'), one('b')]);
  });

  it('is undefined where an answer is no reply to what is looked up', () => {
    const user = { role: 'user', content: 'a' };
    expect(chat(user, { role: 'assistant', content: 'b' })).toBeUndefined();
    expect(chat(user, { role: 'user', content: [{ type: 'image_url', image_url: {} }] })).toBeUndefined();
    expect(chat({ role: 'user', content: '' })).toBeUndefined();
    expect(chat()).toBeUndefined();
    expect(conversationOf('completions', { prompt: [1, 2] })).toBeUndefined();
    expect(conversationOf('completions', { prompt: ['a', ''] })).toBeUndefined();
    expect(conversationOf('completions', { prompt: 'a', suffix: 'b' })).toBeUndefined();
    expect(conversationOf('responses', { input: 'a', previous_response_id: 'resp_1' })).toBeUndefined();
    expect(conversationOf('responses', { input: 'a', conversation: 'conv_1' })).toBeUndefined();
    expect(responses(user, { type: 'item_reference', id: 'msg_1' })).toBeUndefined();
    expect(responses({ type: 'custom_tool_call_output', call_id: '1', output: 'r' }, user)).toBeUndefined();
    const call = { type: 'tool_use', id: '1', name: 'f', input: {} };
    const said = { type: 'text', text: 'b' };
    const anthropic = (...content: object[]) =>
      conversationOf('messages', { messages: [{ role: 'assistant', content }, user] });
    expect(anthropic(call, said)).toBeUndefined();
    expect(anthropic({ ...call, input: { n: 2 ** 53 } })).toBeUndefined();
    expect(anthropic(said, call, { type: 'thinking', thinking: 'h' })).toHaveLength(1);
    expect(responses(user)).toHaveLength(1);
  });
});

describe('the key of a conversation', () => {
  const key = (format: UpstreamFormat, body: object) => keysOf(format, body, (message) => message)[0];
  const chat = (...messages: object[]) => key('chat', { messages });
  const asked = (more: object) => chat({ role: 'user', content: 'a', ...more });

  it('is the same through all APIs', () => {
    const keys = [
      chat(
        { role: 'developer', content: 'Be kind.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'H' },
            { type: 'text', text: 'i' },
          ],
        },
        {
          role: 'assistant',
          content: 'Wait.',
          tool_calls: [toolCallOf('1', 'f', '{"x": 1, "y": {"b": 2, "a": 3}}')],
        },
        { role: 'tool', content: 'r', tool_call_id: '1' },
        { role: 'system', content: '' },
        { role: 'user', content: 'And?' },
      ),
      key('responses', {
        instructions: 'Be kind.',
        input: [
          { role: 'user', content: 'Hi' },
          { role: 'assistant', content: [{ type: 'output_text', text: 'Wait.' }] },
          { type: 'function_call', call_id: '2', name: 'f', arguments: '{"y":{"a":3,"b":2},"x":1}' },
          { type: 'function_call_output', call_id: '2', output: 'r' },
          { role: 'user', content: 'And?' },
        ],
      }),
      key('messages', {
        system: [{ type: 'text', text: 'Be kind.' }],
        messages: [
          { role: 'user', content: 'Hi' },
          {
            role: 'assistant',
            content: [
              { type: 'text', text: 'Wait.' },
              { type: 'tool_use', id: '3', name: 'f', input: { y: { b: 2, a: 3 }, x: 1 } },
            ],
          },
          {
            role: 'user',
            content: [
              { type: 'tool_result', tool_use_id: '3', content: 'r' },
              { type: 'text', text: 'And?' },
            ],
          },
        ],
      }),
    ];
    expect(keys).toEqual([keys[0], keys[0], keys[0]]);
    expect(keys[0]).toMatch(/^rec_[0-9a-f]{24}$/);
    expect(key('completions', { prompt: 'a' })).toBe(asked({}));
  });

  it('differs where a conversation does', () => {
    const calling = (...calls: object[]) =>
      chat(
        { role: 'assistant', content: null, tool_calls: calls },
        { role: 'tool', content: 'r', tool_call_id: '1' },
      );
    const image = (url: string) => [
      { type: 'text', text: 'a' },
      { type: 'image_url', image_url: { url } },
    ];
    const keys = [
      asked({}),
      asked({ content: 'a ' }),
      asked({ role: 'system' }),
      asked({ name: 'ann' }),
      asked({ content: image('data:,1') }),
      asked({ content: image('data:,2') }),
      chat({ role: 'user', content: 'a' }, { role: 'user', content: 'a' }),
      chat({ role: 'user', content: 'aa' }),
      calling(toolCallOf('1', 'f', '{}')),
      calling(toolCallOf('1', 'g', '{}')),
      calling(toolCallOf('1', 'f', '{"x":1}')),
      calling(toolCallOf('1', 'f', '{"x":1')),
      calling(toolCallOf('1', 'f', '{}'), toolCallOf('2', 'f', '{}')),
      calling({ id: '1', type: 'custom', custom: { name: 'f', input: '1' } }),
      calling({ id: '1', type: 'custom', custom: { name: 'f', input: '2' } }),
    ];
    expect(keys).not.toContain(undefined);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('counts which call a result belongs to, and not the order of parallel results', () => {
    const calls = [toolCallOf('1', 'f', '{}'), toolCallOf('2', 'f', '{}')];
    const results = (...said: (readonly [id: string, content: string])[]) =>
      chat(
        { role: 'assistant', content: null, tool_calls: calls },
        ...said.map(([tool_call_id, content]) => ({ role: 'tool', tool_call_id, content })),
        { role: 'user', content: 'So?' },
      );
    const sunny = results(['1', 'sun'], ['2', 'rain']);
    expect(results(['2', 'rain'], ['1', 'sun'])).toBe(sunny);
    const others = [
      results(['2', 'sun'], ['1', 'rain']),
      results(['1', 'sun'], ['3', 'rain']),
      results(['3', 'sun'], ['2', 'rain']),
      results(['1', ''], ['2', 'rain']),
      results(['1', 'rain'], ['2', '']),
      results(['1', 'rain']),
      results(['2', 'rain']),
    ];
    expect(new Set([sunny, ...others]).size).toBe(8);
    const anthropic = (...ids: string[]) =>
      key('messages', {
        messages: [
          {
            role: 'assistant',
            content: ['a', 'b'].map((id) => ({ type: 'tool_use', id, name: 'f', input: {} })),
          },
          {
            role: 'user',
            content: [
              ...ids.map((id) => ({
                type: 'tool_result',
                tool_use_id: id,
                content: id === 'a' ? 'sun' : 'rain',
              })),
              { type: 'text', text: 'So?' },
            ],
          },
        ],
      });
    expect([anthropic('a', 'b'), anthropic('b', 'a')]).toEqual([sunny, sunny]);
  });

  it('counts the order of parts, empty messages, refusals and the tools of the upstream', () => {
    const says = (text: string) => ({ type: 'text', text });
    const image = { type: 'image_url', image_url: { url: 'data:,1' } };
    const beforeLast = (...messages: object[]) => chat(...messages, { role: 'user', content: 'And?' });
    const assistant = (...content: object[]) => beforeLast({ role: 'assistant', content });
    const search = (url: string) => ({
      type: 'web_search_tool_result',
      tool_use_id: 's',
      content: [{ type: 'web_search_result', url }],
    });
    const keys = [
      beforeLast(),
      beforeLast({ role: 'user', content: '' }),
      beforeLast({ role: 'assistant', content: '' }),
      beforeLast({ role: 'user', content: [says('a'), image] }),
      beforeLast({ role: 'user', content: [image, says('a')] }),
      beforeLast({ role: 'user', content: [says('a'), image, says('b')] }),
      beforeLast({ role: 'user', content: [says('ab'), image] }),
      assistant({ type: 'refusal', refusal: 'No.' }),
      assistant({ type: 'refusal', refusal: 'Never.' }),
      assistant(search('http://a'), says('found')),
      assistant(search('http://b'), says('found')),
      assistant(says('found'), search('http://b')),
    ];
    expect(keys).not.toContain(undefined);
    expect(new Set(keys).size).toBe(keys.length);
    const joined = beforeLast({
      role: 'user',
      content: [says('a'), says(''), says('b'), { ...image, cache_control: {} }],
    });
    expect(joined).toBe(keys[6]);
    expect(beforeLast({ role: 'assistant', content: null, refusal: 'No.' })).toBe(keys[7]);
  });

  it('counts whether a tool has failed', () => {
    const result = (more: object) =>
      key('messages', {
        messages: [
          { role: 'user', content: [{ type: 'tool_result', tool_use_id: '1', content: 'r', ...more }] },
        ],
      });
    expect(result({ is_error: false })).toBe(result({}));
    expect(result({ is_error: true })).not.toBe(result({}));
  });

  it('counts all digits of arguments, however they are spelled', () => {
    const calling = (given: unknown) =>
      chat(
        { role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: given } }] },
        { role: 'tool', content: 'r' },
      );
    const same = [
      '{"n":100,"s":"1e2\\""}',
      '{"s": "1e2\\"", "n": 1.0e2}',
      '{"n":1000E-1,"s":"\\u0031e2\\""}',
    ];
    expect(new Set(same.map(calling)).size).toBe(1);
    const numbers = [
      '0',
      '1',
      '-1',
      '"1"',
      '"n1"',
      '1e1',
      '9007199254740993',
      '9007199254740992',
      '0.1',
      '1e400',
      '1e401',
    ];
    expect(new Set(numbers.map((n) => calling(`[${n}]`))).size).toBe(numbers.length);
    expect(new Set(['0', '-0', '0.0', '0e7'].map((n) => calling(`[${n}]`))).size).toBe(1);
    expect(calling({ n: 2 ** 53 })).toBeUndefined();
    expect(calling({ n: 1.5 })).toBe(calling('{"n":15e-1}'));
  });

  it('counts the form that the answer shall have', () => {
    const messages = [{ role: 'user', content: 'a' }];
    const schema = { type: 'object', properties: {} };
    const asked = (response_format?: object) => key('chat', { messages, response_format });
    const said = (format?: object) => key('responses', { input: 'a', text: { format } });
    const named = { name: 'n', strict: true, schema };
    const json = asked({ type: 'json_object' });
    const strict = asked({ type: 'json_schema', json_schema: named });
    const keys = [
      asked(),
      json,
      strict,
      asked({ type: 'json_schema', json_schema: { ...named, schema: {} } }),
      key('messages', { messages, output_config: { format: { type: 'json_schema', schema } } }),
      key('completions', { prompt: 'a', guided_regex: 'a+' }),
      key('completions', { prompt: 'a', guided_regex: 'b+' }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect([asked({ type: 'text' }), said({ type: 'text' }), said()]).toEqual(Array(3).fill(asked()));
    expect(said({ type: 'json_object' })).toBe(json);
    expect(said({ type: 'json_schema', ...named, description: null })).toBe(strict);
    expect(key('messages', { messages, output_format: { schema, type: 'json_schema' } })).toBe(keys[4]);
    expect(key('chat', { messages, temperature: 0, tools: [{}], model: 'm', n: 1 })).toBe(asked());
  });

  it('is missing if a request wants more than a reply', () => {
    const messages = [{ role: 'user', content: 'a' }];
    for (const more of [{ n: 2 }, { logprobs: true }, { top_logprobs: 3 }])
      expect(key('chat', { messages, ...more })).toBeUndefined();
    for (const more of [{ n: 2 }, { logprobs: 0 }, { echo: true }, { prompt_logprobs: 1 }])
      expect(key('completions', { prompt: 'a', ...more })).toBeUndefined();
    expect(key('responses', { input: 'a', include: ['message.output_text.logprobs'] })).toBeUndefined();
    expect(key('responses', { input: 'a', top_logprobs: 0, logprobs: null })).toBe(chat(...messages));
  });

  it('takes arguments as a text if they are nested too deeply', () => {
    const deep = '['.repeat(1_000_000) + ']'.repeat(1_000_000);
    expect(
      chat({ role: 'assistant', tool_calls: [toolCallOf('1', 'f', deep)] }, { role: 'tool', content: 'r' }),
    ).toMatch(/^rec_/);
  });
});

function toolCallOf(id: string, name: string, given: string): object {
  return { id, type: 'function', function: { name, arguments: given } };
}

/** Undefined for a request that is invalid. */
function parsedBy(parse: (body: object) => readonly Message[], body: object): readonly Message[] | undefined {
  try {
    return parse(body);
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

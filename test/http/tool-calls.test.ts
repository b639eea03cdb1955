/** Recorded function calls, as clients of OpenAI's API make them: a call, its result, the reply. */

import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode } from 'gpt-tokenizer/encoding/o200k_base';
import OpenAI from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '#dist/core/errors.js';
import { post, serveApp } from '../support/app.js';
import { temporaryFolder } from '../support/temporary.js';

const python = '{"name": "get_weather", "arguments": {"city": "Paris", "days": 2}}';
const compact = '{"name":"get_weather","arguments":{"city":"Rome"}}';
const several = '[{"name": "add", "arguments": {"a": 1}}, {"name": "sub", "arguments": {"b": [2, 3]}}]';
const sharegpt = (ask: string, call: string, result: string, reply: string) => ({
  conversations: [
    { from: 'human', value: ask },
    { from: 'function_call', value: call },
    { from: 'observation', value: result },
    { from: 'gpt', value: reply },
  ],
});
const recorded = {
  role: 'assistant',
  content: null,
  tool_calls: [
    { id: 'call_1', type: 'function', function: { name: 'look_up', arguments: '{"word":"naïve"}' } },
    { id: 'call_2', type: 'function', function: { name: 'look_up', arguments: { word: 'two' } } },
  ],
};
const list = [
  sharegpt('Weather in Paris?', python, '{"sky": "blue"}', 'It is blue.'),
  sharegpt('Weather in Rome?', compact, 'grey', 'It is grey.'),
  sharegpt('Sums?', several, '1 and 2', 'There.'),
  sharegpt('Temperature?', python, '{"temp": 20, "in": ["C", "a: b"]}', 'It is 20.'),
  sharegpt('Broken?', '{"name": ', 'nothing', 'Sorry.'),
  // The same results in other conversations, before and after.
  sharegpt('Elsewhere?', python, 'grey', 'Elsewhere it is grey.'),
  {
    messages: [
      { role: 'user', content: 'Define them.' },
      recorded,
      { role: 'tool', tool_call_id: 'call_1', content: 'simple' },
      { role: 'tool', tool_call_id: 'call_2', content: '2' },
      { role: 'assistant', content: 'Simple, and 2.' },
      { role: 'user', content: 'Once more.' },
      {
        role: 'assistant',
        content: 'I will look.',
        function_call: { name: 'look_up', arguments: '{}' },
      },
    ],
  },
  {
    messages: [
      { role: 'user', content: 'What time?' },
      { role: 'assistant', content: null, tool_calls: [{ function: { name: 'now', arguments: '' } }] },
    ],
  },
  {
    messages: [
      { role: 'user', content: 'other' },
      { role: 'tool', content: '2' },
      { role: 'assistant', content: 'No.' },
    ],
  },
];
const path = join(mkdtempSync(join(temporaryFolder(), 'calls-')), 'dataset.json');
writeFileSync(path, JSON.stringify([list[5], ...list.slice(0, 5), ...list.slice(6)]));

interface Message {
  role: string;
  content: string | null;
  tool_calls?: { id: string; type: string; function: { name: string; arguments: string } }[];
}
interface Answer {
  choices: { message: Message; finish_reason: string }[];
  usage: { prompt_tokens: number; completion_tokens: number };
}

describe.each(['sweep', 'index'] as const)('a function call, by the engine %s,', (engine) => {
  let base: string;
  beforeAll(async () => {
    base = await serveApp(path, {}, engine);
  });
  const ask = async (messages: object[], more: object = {}) => {
    const response = await post(`${base}/v1/chat/completions`, { messages, ...more });
    expect(response.status).toBe(200);
    const { choices, usage } = (await response.json()) as Answer;
    const [choice] = choices;
    if (choice === undefined) throw new Error('there is no choice');
    return { ...choice, choices, usage, rung: response.headers.get('x-verbatim-match') };
  };
  const user = (content: string) => ({ role: 'user', content });

  it.each([
    [
      'as Python writes it',
      'Weather in Paris?',
      '{"city": "Paris", "days": 2}',
      '{"sky": "blue"}',
      'It is blue.',
    ],
    ['without spaces', 'Weather in Rome?', '{"city":"Rome"}', 'grey', 'It is grey.'],
  ])(
    'of ShareGPT, %s, is returned, and its result gets the reply of its context',
    async (_how, prompt, args, result, reply) => {
      const called = await ask([user(prompt)]);
      expect(called.finish_reason).toBe('tool_calls');
      expect(called.message).toEqual({
        role: 'assistant',
        content: null,
        refusal: null,
        annotations: [],
        tool_calls: [
          {
            id: expect.stringMatching(/^call_[0-9a-f]{24}$/),
            type: 'function',
            function: { name: 'get_weather', arguments: args },
          },
        ],
      });
      const { usage } = called;
      expect(usage.completion_tokens).toBe(encode(`get_weather${args}`).length);
      const id = called.message.tool_calls?.[0]?.id;
      const answered = await ask([
        user(prompt),
        called.message,
        { role: 'tool', tool_call_id: id, content: result },
      ]);
      expect(answered).toMatchObject({ rung: 'context', finish_reason: 'stop', message: { content: reply } });
      expect(answered.message).not.toHaveProperty('tool_calls');
      // The same request, the same id.
      expect((await ask([user(prompt)])).message).toEqual(called.message);
    },
  );

  it('may be one of several', async () => {
    const called = await ask([user('Sums?')]);
    expect(called.message.tool_calls?.map((call) => call.function)).toEqual([
      { name: 'add', arguments: '{"a": 1}' },
      { name: 'sub', arguments: '{"b": [2, 3]}' },
    ]);
    expect(new Set(called.message.tool_calls?.map(({ id }) => id)).size).toBe(2);
    const result = { role: 'tool', content: '1 and 2' };
    const answered = await ask([user('Sums?'), called.message, result]);
    expect(answered).toMatchObject({ rung: 'context', message: { content: 'There.' } });
  });

  it.each([
    ['Python', 'Elsewhere?', '{"city":"Paris","days":2}', 'Elsewhere it is grey.'],
    ['JavaScript', 'Weather in Rome?', '{"city": "Rome"}', 'It is grey.'],
  ])(
    'as %s spells it is found when it is sent back in another spelling',
    async (_who, prompt, args, reply) => {
      const call = { id: 'c', type: 'function', function: { name: 'get_weather', arguments: args } };
      const answered = await ask([
        user(prompt),
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'c', content: 'grey' },
      ]);
      expect(answered).toMatchObject({ rung: 'context', message: { content: reply } });
    },
  );

  it.each([
    ['{"city": "Paris", "days": 2}', '{"temp":20,"in":["C","a: b"]}'],
    ['{"city":"Paris","days":2}', '{"temp":20,"in":["C","a: b"]}'],
    ['{"city":"Paris","days":2}', '{"temp": 20, "in": ["C", "a: b"]}'],
    ['{"city": "Paris", "days": 2}', '{\n  "temp": 20,\n  "in": ["C", "a: b"]\n}'],
  ])('is found with its result in any spelling of either: %s %s', async (args, content) => {
    const call = { id: 'c', type: 'function', function: { name: 'get_weather', arguments: args } };
    const answered = await ask([
      { role: 'system', content: 'Be brief.' },
      user('Temperature?'),
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'c', content },
    ]);
    expect(answered).toMatchObject({ rung: 'context', message: { content: 'It is 20.' } });
    // Text that isn't JSON is compared as it is.
    const other = await post(`${base}/v1/chat/completions`, {
      messages: [{ role: 'tool', content: content.slice(1) }],
    });
    expect(other.status).toBe(404);
  });

  it('that was recorded without arguments has empty ones as text', async () => {
    const answered = await ask([user('What time?')], { tool_choice: 'none' });
    expect(answered.message.content).toBe('{"name": "now", "arguments": {}}');
  });

  it('that is malformed is text', async () => {
    expect(await ask([user('Broken?')])).toMatchObject({
      message: { content: '{"name": ' },
      finish_reason: 'stop',
    });
  });

  it('of OpenAI keeps its ids, and its result gets the reply of its context', async () => {
    const called = await ask([user('Define them.')]);
    const [first, second] = recorded.tool_calls;
    expect(called.message).toMatchObject({ content: null });
    expect(called.message.tool_calls).toEqual([
      first,
      { ...second, function: { name: 'look_up', arguments: '{"word":"two"}' } },
    ]);
    const results = [
      { role: 'tool', tool_call_id: 'call_1', content: 'simple' },
      { role: 'tool', tool_call_id: 'call_2', content: '2' },
    ];
    // Results of parallel calls may come in any order.
    for (const given of [results, results.toReversed()]) {
      const answered = await ask([user('Define them.'), called.message, ...given]);
      expect(answered).toMatchObject({ rung: 'context', message: { content: 'Simple, and 2.' } });
    }
  });

  it('may come with a text', async () => {
    const called = await ask([user('Once more.')]);
    expect(called).toMatchObject({
      finish_reason: 'tool_calls',
      message: { content: 'I will look.', tool_calls: [{ function: { name: 'look_up', arguments: '{}' } }] },
    });
  });

  it('is text with tool_choice none', async () => {
    const none = { tool_choice: 'none' };
    const sharegpt = await ask([user('Weather in Paris?')], none);
    expect(sharegpt).toMatchObject({ finish_reason: 'stop', message: { content: python } });
    expect(sharegpt.message).not.toHaveProperty('tool_calls');
    const openai = await ask([user('Define them.')], none);
    expect(openai.message.content).toBe(
      '[{"name":"look_up","arguments":{"word":"naïve"}},{"name":"look_up","arguments":{"word":"two"}}]',
    );
    expect((await ask([user('Once more.')], none)).message).toMatchObject({ content: 'I will look.' });
    const response = await post(`${base}/v1/completions`, { prompt: 'Weather in Paris?' });
    expect(await response.json()).toMatchObject({ choices: [{ text: python }] });
  });

  it('is never cut, and returned in every choice', async () => {
    const whole = await ask([user('Weather in Paris?')]);
    const more = await ask([user('Weather in Paris?')], { max_tokens: 1, stop: 'Paris', n: 2 });
    expect(more.choices.map(({ message }) => message)).toEqual([whole.message, whole.message]);
    expect(more.usage.completion_tokens).toBe(2 * whole.usage.completion_tokens);
  });

  it.each(['Weather in Paris?', 'Define them.', 'Once more.', 'Sums?'])(
    'is assembled from a stream by the openai client: %s',
    async (prompt) => {
      const client = new OpenAI({ apiKey: 'none', baseURL: `${base}/v1` });
      const messages = [{ role: 'user' as const, content: prompt }];
      const whole = await client.chat.completions.create({ model: 'any', messages });
      const stream = client.chat.completions.stream({ model: 'any', messages });
      const { choices } = await stream.finalChatCompletion();
      expect(choices[0]?.finish_reason).toBe('tool_calls');
      expect(choices[0]?.message.content ?? null).toBe(whole.choices[0]?.message.content);
      const called = choices[0]?.message.tool_calls;
      expect(called).toMatchObject(whole.choices[0]?.message.tool_calls ?? ['none']);
    },
  );
});

it("a call in the history is compared in OpenAI's form before it is compared as text", async () => {
  const base = await serveApp(path);
  const response = await post(`${base}/v1/chat/completions`, {
    messages: [
      { role: 'user', content: 'other' },
      { role: 'assistant', content: null, tool_calls: recorded.tool_calls.slice(0, 1) },
      { role: 'tool', content: '2' },
    ],
  });
  expect(response.headers.get('x-verbatim-match')).toBe('context');
  expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'No.' } }] });
});

it("choices of a call with large arguments are rejected if they don't fit into one body", async () => {
  const path = join(temporaryFolder(), 'large-call.json');
  const given = JSON.stringify({ text: '"\u0001'.repeat(300_000) });
  const turns = [
    { role: 'user', content: 'call' },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: given } }],
    },
  ];
  writeFileSync(path, JSON.stringify([{ messages: turns }]));
  const base = await serveApp(path);
  const body = { n: 128, messages: [{ role: 'user', content: 'call' }] };
  const refused = await post(`${base}/v1/chat/completions`, body);
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({ error: { param: 'n' } });
  const answer = await post(`${base}/v1/chat/completions`, { ...body, n: 2 });
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({ choices: [{ index: 0 }, { index: 1 }] });
});

it('a call whose tokens cannot be counted now is rejected, and the server goes on', async () => {
  const overloaded = () => Promise.reject(new AppError('overloaded'));
  const base = await serveApp(path, { tokens: { count: overloaded, ends: overloaded } });
  const stream_options = { include_usage: true, continuous_usage_stats: true };
  const messages = [{ role: 'user', content: 'Weather in Paris?' }];
  const answer = await post(`${base}/v1/chat/completions`, { messages, stream: true, stream_options });
  expect(answer.status).toBe(503);
  expect(await answer.json()).toMatchObject({ error: { code: 'overloaded' } });
});

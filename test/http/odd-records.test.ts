/** Records as people have them, by both engines: what is wrong with a part of one doesn't lose the rest. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { post, serveApp } from '../support/app.js';
import { temporaryFolder } from '../support/temporary.js';

/** A record with a prompt of its own; its text is JSON, or what Python writes. */
interface OddRecord {
  readonly what: string;
  readonly record: string;
  readonly prompt: string;
  readonly reply: string | null;
  /** The name and the arguments of each call. */
  readonly calls?: readonly (readonly [name: string, given: string])[];
  readonly source?: string;
}

const user = (content: string) => `{"role": "user", "content": "${content}"}`;
const assistant = (members: string) => `{"role": "assistant", ${members}}`;
const messages = (...turns: string[]) => `{"messages": [${turns.join(', ')}]}`;
const parts = (...list: string[]) => assistant(`"content": [${list.join(', ')}]`);
const DEEP = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`;

const RECORDS: readonly OddRecord[] = [
  ...[
    '5',
    'null',
    'NaN',
    '"x"',
    '[]',
    '{"content": "no role"}',
    '{"role": 5, "content": "x"}',
    ...['5', 'true', '{}', '1e999'].map((content) => `{"role": "user", "content": ${content}}`),
  ].map((turn, i) => ({
    what: `the turn ${turn}`,
    record: messages('7', user(`odd ${i}`), turn, assistant(`"content": "reply ${i}"`), turn),
    prompt: `odd ${i}`,
    reply: `reply ${i}`,
    source: `${i}#1`,
  })),
  {
    what: 'null beside a role and a content',
    record: messages(
      '{"from": null, "value": null, "role": "user", "content": "null?"}',
      '{"from": NaN, "value": NaN, "role": "assistant", "content": "void"}',
    ),
    prompt: 'null?',
    reply: 'void',
  },
  {
    what: 'an empty list',
    record: `{"conversations": [], "conversation": "x", "messages": [${user('empty?')}, ${assistant('"content": "no"')}]}`,
    prompt: 'empty?',
    reply: 'no',
  },
  {
    what: 'a list without a turn',
    record: `{"conversations": ["x"], "items": [${user('broken?')}, ${assistant('"content": "so"')}]}`,
    prompt: 'broken?',
    reply: 'so',
  },
  {
    what: 'parts without a type, with a value, and of the Responses API',
    record: messages(
      '{"role": "user", "content": [{"text": "All "}, {"type": "input_text", "text": "parts?"}]}',
      parts(
        '{"type": "reasoning", "text": "no"}',
        '{"type": "text", "value": "a"}',
        '{"type": "output_text", "text": "b"}',
        '{"type": null, "text": null, "value": "c"}',
        '"d"',
        '{"type": "image", "text": "no"}',
      ),
    ),
    prompt: 'All parts?',
    reply: 'abcd',
  },
  {
    what: "AI SDK's parts",
    record: messages(
      '{"id": "1", "role": "user", "parts": [{"type": "text", "text": "Sun?"}]}',
      '{"id": "2", "role": "assistant", "parts": [{"type": "step-start"}, {"type": "text", "text": "Shade."}]}',
    ),
    prompt: 'Sun?',
    reply: 'Shade.',
  },
  {
    what: 'a refusal',
    record: messages(user('Forbidden?'), assistant('"content": null, "refusal": "I cannot."')),
    prompt: 'Forbidden?',
    reply: 'I cannot.',
  },
  {
    what: "Anthropic's call with a text",
    record: messages(
      user('Rain?'),
      parts(
        '{"type": "text", "text": "Let me look."}',
        '{"type": "tool_use", "id": "t", "name": "rain", "input": {"in": "Bern"}}',
      ),
      '{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "dry"}]}',
      parts('{"type": "text", "text": "No rain."}'),
    ),
    prompt: 'Rain?',
    reply: 'Let me look.',
    calls: [['rain', '{"in":"Bern"}']],
  },
  {
    what: "Anthropic's result",
    record: messages(
      '{"role": "user", "content": [{"type": "tool_result", "content": [{"type": "text", "text": "very"}, {"type": "image"}, {"type": "text", "text": " wet"}]}]}',
      parts('{"type": "text", "text": "Rain."}'),
    ),
    prompt: 'very wet',
    reply: 'Rain.',
  },
  {
    what: 'a flat call',
    record: messages(
      user('Add.'),
      assistant('"content": "", "tool_calls": [{"id": "c", "name": "add", "arguments": {"a": 1, "b": NaN}}]'),
    ),
    prompt: 'Add.',
    reply: null,
    calls: [['add', '{"a":1,"b":null}']],
  },
  {
    what: 'flat calls whose arguments are a text, and in args',
    record: messages(
      user('Sub.'),
      assistant(
        String.raw`"content": null, "tool_calls": [{"name": "sub", "arguments": "{\"a\": 1}"}, {"name": "sub", "args": {"a": 2}}]`,
      ),
    ),
    prompt: 'Sub.',
    reply: null,
    calls: [
      ['sub', '{"a": 1}'],
      ['sub', '{"a":2}'],
    ],
  },
  {
    what: 'a call that is recorded in both places',
    record: messages(
      user('Twice?'),
      assistant(
        '"content": [{"type": "tool_use", "name": "f", "input": {}}], "tool_calls": [{"name": "f", "args": {}}]',
      ),
    ),
    prompt: 'Twice?',
    reply: null,
    calls: [['f', '{}']],
  },
  {
    what: 'a call as the value of a part',
    record: messages(
      user('Time?'),
      parts(
        String.raw`{"type": "tool_call", "value": "{\"name\": \"clock\", \"arguments\": {\"in\": \"Lima\"}}"}`,
      ),
    ),
    prompt: 'Time?',
    reply: null,
    calls: [['clock', '{"in": "Lima"}']],
  },
  {
    what: 'a call that is nested too deeply to serialize',
    record: messages(
      user('Deep?'),
      assistant(`"content": "deep", "tool_calls": [{"name": "f", "arguments": ${DEEP}}]`),
    ),
    prompt: 'Deep?',
    reply: 'deep',
  },
  {
    what: 'words that Python writes',
    record: `{"score": NaN, "messages": [{"role": "user", "content": "NaN?", "w": -Infinity}, {"role": "assistant", "content": "None.", "w": [Infinity]}]}`,
    prompt: 'NaN?',
    reply: 'None.',
  },
  {
    what: 'such a word beside parts',
    record: messages(
      '{"role": "user", "content": [{"text": "Parts?", "w": NaN}], "w": NaN}',
      parts(String.raw`{"text": "Infinity, NaN and \"-Infinity\".", "w": -Infinity}`),
    ),
    prompt: 'Parts?',
    reply: 'Infinity, NaN and "-Infinity".',
  },
  {
    what: 'an id of many digits',
    record: `{"id": 12345678901234567891, "messages": [${user('Long id?')}, ${assistant('"content": "Yes."')}]}`,
    prompt: 'Long id?',
    reply: 'Yes.',
    source: '12345678901234567891#1',
  },
  {
    what: 'an id after one that is null',
    record: `{"id": null, "conversation_id": "given", "messages": [${user('Other id?')}, ${assistant('"content": "Yes!"')}]}`,
    prompt: 'Other id?',
    reply: 'Yes!',
    source: 'given#1',
  },
  {
    what: 'duplicate keys, of which the last one counts',
    record: messages(
      '{"role": "user", "content": "first", "content": "last?"}',
      assistant('"content": "x", "content": null, "refusal": "y", "refusal": "z"'),
    ),
    prompt: 'last?',
    reply: 'z',
  },
  {
    what: 'lone surrogates',
    record: messages(user(String.raw`lone \ud83d?`), assistant(String.raw`"content": "half \ude00"`)),
    prompt: 'lone \ud83d?',
    reply: 'half \ude00',
  },
];

describe.each(['sweep', 'index'] as const)('by the engine %s', (engine) => {
  let base: string;
  beforeAll(async () => {
    const path = join(temporaryFolder(), `odd-${engine}.json`);
    writeFileSync(path, `[${RECORDS.map(({ record }) => record).join(',\n')},\n]`);
    base = await serveApp(path, {}, engine);
  });
  const ask = async (list: readonly object[]) => {
    const response = await post(`${base}/v1/chat/completions`, { messages: list });
    expect(response.status).toBe(200);
    const { choices } = (await response.json()) as { choices: { message: object; finish_reason: string }[] };
    return { ...choices[0], headers: response.headers };
  };

  it.each(RECORDS)('$what: the reply is found', async ({ prompt, reply, calls, source }) => {
    const { message, finish_reason, headers } = await ask([{ role: 'user', content: prompt }]);
    const called = calls?.map(([name, given]) => ({ function: { name, arguments: given } }));
    expect(message).toMatchObject({ content: reply, ...(called && { tool_calls: called }) });
    if (called === undefined) expect(message).not.toHaveProperty('tool_calls');
    expect(finish_reason).toBe(called === undefined ? 'stop' : 'tool_calls');
    if (source !== undefined) expect(headers.get('x-verbatim-source')).toBe(source);
  });

  it("Anthropic's call and its result have the reply in their context, as a client of OpenAI sends them", async () => {
    const call = { id: 't', type: 'function', function: { name: 'rain', arguments: '{"in": "Bern"}' } };
    const { message, headers } = await ask([
      { role: 'user', content: 'Rain?' },
      { role: 'assistant', content: 'Let me look.', tool_calls: [call] },
      { role: 'tool', tool_call_id: 't', content: 'dry' },
    ]);
    expect(message).toMatchObject({ content: 'No rain.' });
    expect(headers.get('x-verbatim-match')).toBe('context');
  });
});

/** Chat endpoints that receive Responses API input, which some editors send with a custom base URL. */

import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { post, serveApp } from '../support/app.js';

const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));
let base: string;
beforeAll(async () => {
  base = await serveApp(dataset);
});

const ask = async (body: object) => {
  const response = await post(`${base}/v1/chat/completions`, body);
  const { choices, error } = (await response.json()) as {
    choices?: { message: { content: string } }[];
    error?: { param: string; code: string };
  };
  return choices?.[0]?.message.content ?? [response.status, error?.code, error?.param];
};

describe('a chat completion', () => {
  it('accepts parts of type input_text and output_text as texts', async () => {
    const parts = (type: string, ...texts: string[]) => texts.map((text) => ({ type, text }));
    const first = await ask({ messages: [{ role: 'user', content: 'Say it.' }] });
    expect(await ask({ messages: [{ role: 'user', content: parts('input_text', 'Say', ' it.') }] })).toBe(
      first,
    );
    const history = [
      { role: 'user', content: 'Say it.' },
      { role: 'assistant', content: parts('output_text', first as string) },
      { role: 'user', content: parts('input_text', 'continue') },
    ];
    expect(await ask({ messages: history })).toEqual(expect.any(String));
  });

  it.each([
    ['a text', 'Say it.'],
    ['messages', [{ role: 'user', content: 'Say it.' }]],
    ['items', [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Say it.' }] }]],
    [
      'items, tools among them',
      [
        { role: 'user', content: 'Say it.' },
        { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c', output: '' },
      ],
    ],
  ])('uses input if it has no messages: %s', async (_what, input) => {
    expect(await ask({ input })).toBe(await ask({ messages: [{ role: 'user', content: 'Say it.' }] }));
  });

  it('prefers messages to input', async () => {
    const messages = [{ role: 'user', content: 'Say it.' }];
    expect(await ask({ messages, input: 'nowhere' })).toBe(await ask({ messages }));
  });

  it.each([
    [{}, 'missing_required_parameter', 'messages'],
    [{ input: [] }, 'empty_array', 'input'],
    [{ input: 5 }, 'invalid_type', 'input'],
    [{ input: [{ role: 'robot', content: 'x' }] }, 'invalid_value', 'input[0].role'],
    [
      { messages: [{ role: 'user', content: [{ type: 'input_text' }] }] },
      'missing_required_parameter',
      'messages[0].content[0].text',
    ],
  ])('names the missing or invalid field: %j', async (body, code, param) => {
    expect(await ask(body)).toEqual([400, code, param]);
  });
});

/** Clients that read a stream by lines, such as httpx, also end a line at U+0085, U+2028 and U+2029: the server escapes all of them. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { post, serveApp } from '../support/app.js';
import { temporaryFolder } from '../support/temporary.js';

const LINE_ENDS = /[\u0085\u2028\u2029]/;
const reply = 'one\u2028two \u2029 three\u0085four \u2028\u2028 “five” \\\u2028 \ud83d\u2028';

/** A turn that the kernel encodes, the same one with escapes, and one that is left to JSON.parse. */
const spellings = {
  raw: JSON.stringify({ from: 'gpt', value: reply }),
  escaped: JSON.stringify({ from: 'gpt', value: reply }).replace(
    new RegExp(LINE_ENDS, 'g'),
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  ),
  parts: JSON.stringify({ role: 'assistant', content: [{ type: 'text', text: reply }] }),
};
const call = { name: 'look\u2028up', arguments: { a: 'b\u2029c\u0085' } };

let base: string;
beforeAll(async () => {
  const path = join(temporaryFolder(), 'dataset.json');
  const records = Object.entries({
    ...spellings,
    call: JSON.stringify({ from: 'function_call', value: JSON.stringify(call) }),
  }).map(([name, turn]) => `{"conversations":[{"from":"human","value":"${name}"},${turn}]}`);
  writeFileSync(path, `[${records.join(',')}]`);
  base = await serveApp(path);
});

/** The data of a stream's events, each on one line. */
function eventsOf(stream: string): { [key: string]: never }[] {
  const lines = stream.split(new RegExp(`\n|${LINE_ENDS.source}`));
  const data = lines.filter((line) => line.startsWith('data: ') && line !== 'data: [DONE]');
  return data.map((line) => JSON.parse(line.slice('data: '.length)));
}

/** The endpoints: the request of each, and where its response, and an event of its stream, have the text. */
const endpoints = [
  {
    path: '/v1/chat/completions',
    bodyOf: (text: string): object => ({ messages: [{ role: 'user', content: text }] }),
    // biome-ignore lint/suspicious/noExplicitAny: The answer's shape is the test's to say.
    textOf: ({ choices: [choice] }: any) => choice.message.content,
    // biome-ignore lint/suspicious/noExplicitAny: As above.
    pieceOf: ({ choices: [choice] }: any) => choice.delta.content ?? '',
  },
  {
    path: '/v1/completions',
    bodyOf: (prompt: string): object => ({ prompt }),
    // biome-ignore lint/suspicious/noExplicitAny: As above.
    textOf: ({ choices: [choice] }: any) => choice.text,
    // biome-ignore lint/suspicious/noExplicitAny: As above.
    pieceOf: ({ choices: [choice] }: any) => choice.text,
  },
  {
    path: '/v1/responses',
    bodyOf: (input: string): object => ({ input }),
    // biome-ignore lint/suspicious/noExplicitAny: As above.
    textOf: ({ output: [item] }: any) => item.content[0].text,
    // biome-ignore lint/suspicious/noExplicitAny: As above.
    pieceOf: ({ type, delta }: any) => (type === 'response.output_text.delta' ? delta : ''),
  },
];

describe.each(endpoints)('$path', ({ path, bodyOf, textOf, pieceOf }) => {
  it.each(Object.keys(spellings))(
    'escapes line separators of a reply, however recorded: %s',
    async (name) => {
      const body = await (await post(base + path, bodyOf(name))).text();
      expect(body).not.toMatch(LINE_ENDS);
      expect(textOf(JSON.parse(body))).toBe(reply);
      const stream = await (await post(base + path, { ...bodyOf(name), stream: true })).text();
      expect(stream).not.toMatch(LINE_ENDS);
      expect(eventsOf(stream).map(pieceOf).join('')).toBe(reply);
    },
  );

  it('escapes those of a function call, and of the echoed model', async () => {
    for (const stream of [true, false]) {
      const answer = await post(base + path, { ...bodyOf('call'), model: 'm\u2028', stream });
      const text = await answer.text();
      expect(answer.status).toBe(200);
      expect(text).not.toMatch(LINE_ENDS);
      expect(text).toContain('m\\u2028');
      expect(text).toContain('look');
    }
  });

  it('escapes those that an error quotes', async () => {
    const body = await (await post(base + path, '{"a": \u2028}')).text();
    expect(body).toContain('\\u2028');
    expect(body).not.toMatch(LINE_ENDS);
  });
});

it('the legacy API does not escape them', async () => {
  const path = `${base}/api/v1/chat/completion`;
  const answer = await (await post(path, { conversation: { from: 'human', value: 'raw' } })).text();
  expect(answer).toBe(JSON.stringify({ data: { success: true, response: { from: 'gpt', value: reply } } }));
  expect(await (await post(path, '{"a": \u2028}')).text()).toContain('\u2028');
});

/** What is in the datasets, over HTTP. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { guardedBy, serveApp } from '../support/app.js';
import { serveModels } from '../support/models.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();

const talk = (id: string | undefined, ...texts: string[]) => ({
  id,
  conversations: texts.map((value, i) => ({ from: i % 2 === 0 ? 'human' : 'gpt', value })),
});

const records = [
  { ...talk('a', 'Say "it".', 'It.\n'), lang: 'en' },
  { nothing: 1 },
  talk(undefined, 'continue', 'one', 'continue', 'two'),
  talk('a', 'continue', 'three'),
  {
    id: 'calls',
    tools: [{ name: 'f' }],
    messages: [
      { role: 'developer', content: 'x' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
      {
        role: 'assistant',
        content: null,
        reasoning_content: 'hm',
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a": 1}' } }],
      },
      { role: 'tool', content: '5' },
    ],
  },
];
const path = join(folder, 'talks.json');
writeFileSync(path, JSON.stringify(records));

// biome-ignore lint/suspicious/noExplicitAny: each test says what it expects.
const bodyOf = async (url: string): Promise<any> => (await fetch(url)).json();

describe('the datasets', async () => {
  const { url } = await serveModels({ talks: path, 'org/other': path });
  const at = `${url}/api/datasets/talks`;

  it('are listed with their counts, roles and histograms', async () => {
    const { datasets } = await bodyOf(`${url}/api/datasets`);
    expect(datasets.map(({ id }: { id: string }) => id)).toEqual(['talks', 'org/other']);
    const [first] = datasets;
    expect(first).toMatchObject({
      status: 'ready',
      engine: 'index',
      progress: 1,
      bytes: JSON.stringify(records).length,
      modified: expect.any(Number),
      records: 5,
      conversations: 4,
      turns: 12,
      replies: 8,
      left_out: 0,
      skipped: 1,
      index_bytes: expect.any(Number),
      parts: 1,
      roles: { user: 5, assistant: 5, system: 1, tool: 1 },
    });
    const { turns, lengths } = first.histograms;
    expect([turns.from.slice(0, 3), turns.counts.slice(0, 6)]).toEqual([
      [0, 1, 2],
      [0, 0, 2, 0, 2, 0],
    ]);
    // The text of a call is empty.
    expect([lengths.from.slice(8, 12), lengths.counts.slice(0, 4)]).toEqual([
      [8, 10, 12, 14],
      [1, 2, 1, 2],
    ]);
    expect([turns.counts, lengths.counts, lengths.from].map(({ length }) => length)).toEqual([64, 64, 64]);
  });

  it('have lists of conversations, by number', async () => {
    const page = await bodyOf(`${at}/conversations?from=1&limit=3`);
    expect(page).toEqual({
      total: 5,
      from: 1,
      conversations: [
        { number: 1, id: null, turns: 0, prompt: null, tokens: null, bytes: 13, skipped: true },
        { number: 2, id: null, turns: 4, prompt: 'continue', tokens: null, bytes: expect.any(Number) },
        { number: 3, id: 'a', turns: 2, prompt: 'continue', tokens: null, bytes: expect.any(Number) },
      ],
    });
    expect((await bodyOf(`${at}/conversations`)).conversations).toHaveLength(5);
    const after = await bodyOf(`${at}/conversations?from=999999999999999`);
    expect(after).toEqual({ total: 5, from: 999999999999999, conversations: [] });
    expect(await bodyOf(`${url}/api/datasets/org%2Fother/conversations?limit=1`)).toMatchObject({ total: 5 });
  });

  it('have lists of conversations, by id', async () => {
    const numbers = async (query: string) => {
      const { from, conversations } = await bodyOf(`${at}/conversations?${query}`);
      expect(from).toBeNull();
      return conversations.map(({ number }: { number: number }) => number);
    };
    expect(await numbers('id=a')).toEqual([0, 3]);
    expect(await numbers('id=a&limit=1')).toEqual([0]);
    expect(await numbers('id=2')).toEqual([2]);
    expect(await numbers('id=3')).toEqual([]);
    expect(await numbers('id=')).toEqual([]);
    expect(await numbers('id=%ff')).toEqual([]);
  });

  it('have every conversation with all that is recorded of it', async () => {
    const first = await bodyOf(`${at}/conversations/0`);
    const turn = { tokens: null, reasoning: null, tool_calls: null };
    expect(first).toEqual({
      number: 0,
      id: 'a',
      source: 'a',
      model: 'talks',
      bytes: JSON.stringify(records[0]).length,
      total: 5,
      skipped: false,
      system: null,
      tools: null,
      turns: [
        { ...turn, number: 0, role: 'user', from: 'human', text: 'Say "it".', length: 11 },
        { ...turn, number: 1, role: 'assistant', from: 'gpt', text: 'It.\n', length: 5 },
      ],
      other: { lang: 'en' },
      raw: null,
    });
    const calls = await bodyOf(`${at}/conversations/4?raw=1`);
    expect(calls.tools).toEqual([{ name: 'f' }]);
    expect(calls.turns.map(({ text }: { text: string }) => text)).toEqual(['x', 'ab', '', '5']);
    expect(calls.turns[0].role).toBe('system');
    expect(calls.turns[2]).toMatchObject({
      reasoning: 'hm',
      tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a": 1}' } }],
    });
    expect(JSON.parse(calls.raw)).toEqual(records[4]);
    const skipped = await bodyOf(`${at}/conversations/1?raw=true`);
    expect(skipped).toMatchObject({ skipped: true, turns: [], other: { nothing: 1 }, raw: '{"nothing":1}' });
    expect(await bodyOf(`${at}/conversations/2?raw=0`)).toMatchObject({ id: null, source: '2', raw: null });
  });

  it('have their repeated prompts', async () => {
    expect(await bodyOf(`${at}/repeated`)).toEqual({
      prompts: [{ text: 'continue', count: 3, number: 2, turn: 0 }],
    });
  });

  it.each([
    ['conversations?from=x', 'from', 'invalid_type'],
    ['conversations?from=-1', 'from', 'integer_below_min_value'],
    ['conversations?from=1.5', 'from', 'invalid_type'],
    ['conversations?from=1e30', 'from', 'invalid_type'],
    ['conversations?from=', 'from', 'invalid_type'],
    ['conversations?from=1&from=2', 'from', 'invalid_type'],
    ['conversations?from=9999999999999999999', 'from', 'invalid_type'],
    ['conversations?limit=0', 'limit', 'integer_below_min_value'],
    ['conversations?limit=201', 'limit', 'integer_above_max_value'],
    ['conversations?limit=all', 'limit', 'invalid_type'],
    ['conversations?id=a&id=b', 'id', 'invalid_type'],
    ['conversations?id=a&from=0', 'from', 'invalid_value'],
    ['conversations/x', 'number', 'invalid_type'],
    ['conversations/-1', 'number', 'integer_below_min_value'],
    ['conversations/1e30', 'number', 'invalid_type'],
    ['conversations/01', 'number', 'invalid_type'],
    ['conversations/99999999999999999999', 'number', 'invalid_type'],
    ['conversations/0?raw=yes', 'raw', 'invalid_type'],
  ])('refuse %s, and name the field', async (asked, param, code) => {
    const response = await fetch(`${at}/${asked}`);
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { error: { param, code, message: expect.stringContaining(param), type: 'invalid_request_error' } },
    ]);
  });

  it.each(['conversations/5', 'conversations/999999999999999'])(
    'have no %s, and say what there is',
    async (asked) => {
      const response = await fetch(`${at}/${asked}`);
      expect([response.status, await response.json()]).toMatchObject([
        404,
        {
          error: {
            param: 'number',
            code: 'conversation_not_found',
            message: `Conversation ${asked.split('/')[1]} of \`talks\` does not exist. Expected a number from 0 to 4.`,
          },
        },
      ]);
    },
  );

  it.each(['conversations', 'conversations/0', 'repeated'])(
    'have %s of models that exist only',
    async (what) => {
      for (const model of ['another', 'TALKS', 'org', 'a%2f..']) {
        const response = await fetch(`${url}/api/datasets/${model}/${what}`);
        expect([model, response.status, await response.json()]).toMatchObject([
          model,
          404,
          {
            error: {
              code: 'model_not_found',
              message: expect.stringContaining('Expected `talks` or `org/other`.'),
            },
          },
        ]);
      }
    },
  );
});

it('a dataset of several files has numbers that go on from file to file', async () => {
  const parts = join(folder, 'parts');
  mkdirSync(parts);
  for (const name of ['1.json', '2.json', '3.json'])
    writeFileSync(join(parts, name), JSON.stringify(records));
  const { url } = await serveModels({ talks: path, parts });
  const at = `${url}/api/datasets/parts`;
  const { total, conversations } = await bodyOf(`${at}/conversations?from=3&limit=8`);
  expect([total, conversations.map(({ number }: { number: number }) => number)]).toEqual([
    15,
    [3, 4, 5, 6, 7, 8, 9, 10],
  ]);
  expect(conversations.map(({ id }: { id: string }) => id).slice(0, 4)).toEqual(['a', 'calls', 'a', null]);
  expect(await bodyOf(`${at}/conversations/14`)).toMatchObject({ number: 14, source: 'calls', total: 15 });
  // As in `x-verbatim-source`: the number in its file.
  expect(await bodyOf(`${at}/conversations/7`)).toMatchObject({ number: 7, id: null, source: '2' });
  const byId = await bodyOf(`${at}/conversations?id=calls`);
  expect(byId.conversations.map(({ number }: { number: number }) => number)).toEqual([4, 9, 14]);
  // What isn't repeated in a file isn't counted there.
  expect((await bodyOf(`${at}/repeated`)).prompts).toEqual([
    { text: 'continue', count: 9, number: 2, turn: 0 },
  ]);
  expect((await fetch(`${at}/conversations/15`)).status).toBe(404);
  expect((await bodyOf(`${url}/api/datasets`)).datasets[1]).toMatchObject({ records: 15, parts: 3 });
});

it('datasets that are swept have no repeated prompts, and all else', async () => {
  const url = await serveApp(path, {}, 'sweep');
  const at = `${url}/api/datasets/dataset`;
  expect(await bodyOf(`${at}/repeated`)).toEqual({ prompts: null });
  expect((await bodyOf(`${at}/conversations`)).conversations).toHaveLength(5);
  expect((await bodyOf(`${at}/conversations/3`)).turns).toHaveLength(2);
});

it('datasets need a key where the server has keys', async () => {
  const url = await serveApp(path, guardedBy('right'));
  for (const what of ['', '/dataset/conversations', '/dataset/conversations/0', '/dataset/repeated']) {
    const asked = `${url}/api/datasets${what}`;
    expect([what, (await fetch(asked)).status]).toEqual([what, 401]);
    expect((await fetch(asked, { headers: { authorization: 'Bearer right' } })).status).toBe(200);
  }
});

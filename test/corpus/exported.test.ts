/** A dataset that is written as JSON lines is served as the dataset itself. */

import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCallText } from '#dist/core/conversation.js';
import { EXPORT_FORMATS, type ExportFormat } from '#dist/core/export.js';
import { queryOf } from '#dist/core/query.js';
import { exportLines } from '#dist/corpus/exported.js';
import { giveKernel, takeKernel } from '#dist/corpus/idle-kernels.js';
import type { ServedDataset } from '#dist/models/served-dataset.js';
import { SEED } from '../support/factor.js';
import { ROOT } from '../support/project.js';
import { RECORDED } from '../support/recorded.js';
import { openAndWalk } from '../support/served.js';
import { conversationFor } from '../support/shape-conversations.js';
import { WRITERS } from '../support/shape-writers.js';
import { openPool } from '../support/shared-threads.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const pool = openPool(2);

function fileOf(content: string | Uint8Array, name = 'data'): string {
  const path = join(mkdtempSync(join(folder, 'of-')), name);
  writeFileSync(path, content);
  return path;
}

async function exported(served: ServedDataset, format: ExportFormat): Promise<string> {
  let all = '';
  for (const dataset of served.datasets) {
    await exportLines(dataset, format, async ({ text }) => {
      all += text;
    });
  }
  return all;
}

/** The conversations of a dataset: who says what. */
async function conversationsOf({ corpus }: ServedDataset) {
  const found = [];
  for (let number = 0; number < (corpus.total ?? 0); number++) {
    const conversation = await corpus.conversation(number, false);
    if (conversation === undefined || conversation.isSkipped) continue;
    const { source, turns } = conversation;
    found.push({
      source,
      turns: turns.map(({ role, text, calls, reasoning }) => ({ role, text, calls, reasoning })),
    });
  }
  return found;
}

/** What is found for each prompt, with all that comes before it, as a client of OpenAI sends that. */
async function answersOf({ lookup }: ServedDataset, prompts: Awaited<ReturnType<typeof conversationsOf>>) {
  const answers = [];
  for (const { turns } of prompts) {
    for (let end = 1; end < turns.length; end++) {
      const query = queryOf(turns.slice(0, end).map(asMessage), true);
      const match = query && (await lookup.find(query));
      if (match === undefined) answers.push(undefined);
      else {
        const { value, calls, reasoning, timings } = match.reply;
        const text = isCallText(match.reply) && calls !== undefined ? '' : value;
        answers.push({ id: match.conversationId, rung: match.rung, text, calls, reasoning, timings });
      }
    }
  }
  return answers;
}

/** Exports a file, and expects the same conversations and answers of what was exported. */
async function expectSame(path: string, format: ExportFormat = 'messages'): Promise<string> {
  const { served } = await openAndWalk(path, { pool });
  const lines = await exported(served, format);
  const { served: other } = await openAndWalk(fileOf(lines, 'out.jsonl'), { pool });
  const conversations = await conversationsOf(served);
  expect(conversations.length).toBeGreaterThan(0);
  expect(other.status.counts).toMatchObject({ conversations: conversations.length, skipped: 0 });
  if (format === 'messages') {
    const known = conversations.map(({ turns, ...each }) => ({ ...each, turns: turns.map(asMessage) }));
    expect(await conversationsOf(other)).toEqual(withAnyNewIds(known));
  }
  const answers = await answersOf(served, conversations);
  expect(await answersOf(other, conversations)).toEqual(
    format === 'messages' ? withAnyNewIds(answers) : answers,
  );
  await other.close();
  await served.close();
  return lines;
}

/** The same, but calls without an id may have any. */
function withAnyNewIds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withAnyNewIds);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([key, each]) => [key, withAnyNewIds(each)] as const);
  const isUnnamedCall = 'arguments' in value && (value as { id?: unknown }).id === undefined;
  return { ...Object.fromEntries(fields), ...(isUnnamedCall && { id: expect.stringMatching(/^call_\d+$/) }) };
}

type Said = Awaited<ReturnType<typeof conversationsOf>>[number]['turns'][number];

/** A turn as it is after the export: calls are no text, and unknown roles are an assistant's. */
function asMessage({ role, text, ...rest }: Said): Said {
  const isCall = role === 'function_call' && rest.calls !== undefined;
  const isKnown = ['user', 'system', 'tool'].includes(role);
  return { role: isKnown ? role : 'assistant', text: isCall ? '' : text, ...rest };
}

describe.each(EXPORT_FORMATS)('a dataset as lines of %s', (format) => {
  it('is the same, whatever shapes its records have', async () => {
    const talks = WRITERS.map((writer, i) => {
      const [turns = []] = fc.sample(conversationFor(writer), { numRuns: 1, seed: SEED + i });
      return writer.write(turns.map((turn) => ({ ...turn, value: `${i} ${turn.value}` })));
    });
    await expectSame(
      fileOf(
        talks
          .flat()
          .map((record) => `${JSON.stringify(record)}\n`)
          .join(''),
      ),
      format,
    );
  });

  const data = join(ROOT, 'test/data');
  it.each(['conversations.jsonl.zst', 'duckdb-zstd.parquet', 'pyarrow.arrow'])(
    'is the same: %s',
    async (name) => {
      await expectSame(join(data, name), format);
    },
  );

  it('is the same for calls, results and other names of roles', async () => {
    await expectSame(fileOf(RECORDED), format);
    await expectSame(fileOf(gzipSync(RECORDED)), format);
  });

  it('is the same for the sample', async () => {
    await expectSame(join(ROOT, 'data/sample.json'), format);
  });

  it('keeps reasoning, recorded times, odd calls, ids, and what JavaScript can barely hold', async () => {
    const call = (given: string, id?: string) => ({
      ...(id && { id }),
      type: 'function',
      function: { name: 'f', arguments: given },
    });
    const user = (content: string) => ({ role: 'user', content });
    const reply = (rest: object) => ({ role: 'assistant', content: null, ...rest });
    const records = [
      {
        id: 7,
        messages: [
          user('a'),
          reply({
            content: 'b',
            reasoning_content: 'hm',
            timings: [
              [1, 2],
              [5, 1],
            ],
          }),
        ],
      },
      { nothing: true },
      { messages: [user('c'), reply({ tool_calls: [call('{"a": 1}', 'call_1'), call('not JSON')] })] },
      { messages: [user('d'), reply({ content: 'e', tool_calls: [call('{}')], timings: [[0, 3]] })] },
      {
        messages: [
          user('f'),
          reply({ tool_calls: [call('{"a":1}')], timings: [[3, 7]] }),
          user('g'),
          reply({ content: 'h' }),
        ],
      },
      {
        conversations: [
          { from: 'Alice', value: 'i' },
          { from: 'human', value: 'j' },
          { from: 'bob', value: 'k' },
        ],
      },
      {
        conversations: [
          { from: 'human', value: 'l' },
          { from: 'function_call', value: 'no call' },
        ],
      },
      {
        conversations: [
          { from: 'human', value: 'm' },
          { from: 'gpt' },
          { from: 'human', value: '' },
          { from: 'gpt', value: 'n' },
        ],
      },
      {
        messages: [
          user('o'),
          { role: 'assistant', content: [{ type: 'text', text: 'p' }, { type: 'image' }, 'q'] },
        ],
      },
      {
        messages: [user('r'), { role: 'assistant', content: null, refusal: 's' }],
        tools: [{ type: 'function' }],
      },
      { messages: [] },
    ];
    const text = records.map((record) => JSON.stringify(record)).join('\n');
    const odd = `${text}\n{"messages":[{"role":"user","content":"\\ud800"},{"role":"gpt","content":"x"}],"tools":[NaN]}`;
    await expectSame(fileOf(odd), format);
    await expectSame(fileOf(gzipSync(odd)), format);
  });
});

describe('the lines', () => {
  const records = [
    {
      messages: [
        { role: 'developer', content: 'a' },
        { role: 'human', content: 'b' },
        { role: 'x', content: 'c' },
      ],
    },
    { skipped: true },
    {
      id: 'own',
      tools: [1],
      lang: 'en',
      conversations: [
        { from: 'human', value: 'd' },
        { from: 'function_call', value: '{"name": "f", "arguments": {"a": 1}}' },
        { from: 'observation', value: '{}' },
        { from: 'gpt', value: 'e', thinking: 't' },
      ],
    },
  ];
  const path = fileOf(JSON.stringify(records));

  it('have the roles of OpenAI', async () => {
    const { served } = await openAndWalk(path, { pool });
    const lines = (await exported(served, 'messages'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(lines).toEqual([
      {
        id: '0',
        messages: [
          { role: 'system', content: 'a' },
          { role: 'user', content: 'b' },
          { role: 'assistant', content: 'c' },
        ],
      },
      {
        id: 'own',
        messages: [
          { role: 'user', content: 'd' },
          {
            role: 'assistant',
            content: null,
            tool_calls: [{ id: 'call_0', type: 'function', function: { name: 'f', arguments: '{"a": 1}' } }],
          },
          { role: 'tool', content: '{}', tool_call_id: 'call_0' },
          { role: 'assistant', content: 'e', reasoning_content: 't' },
        ],
        tools: [1],
      },
    ]);
  });

  it('have the ids of the calls that results answer', async () => {
    const call = (id?: string) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } });
    const calls = (...ids: readonly (string | undefined)[]) => ({
      role: 'assistant',
      content: null,
      tool_calls: ids.map(call),
    });
    const result = (tool_call_id?: string) => ({ role: 'tool', content: 'r', tool_call_id });
    const user = { role: 'user', content: 'u' };
    const text = { role: 'assistant', content: 't' };
    const linked = async (messages: readonly object[]) => {
      const { served } = await openAndWalk(fileOf(JSON.stringify({ messages })), { pool });
      const found = (JSON.parse(await exported(served, 'messages')) as { messages: unknown }).messages;
      await served.close();
      return found;
    };
    const whole = [
      user,
      calls('a', 'b'),
      result('b'),
      result('a'),
      text,
      user,
      calls('c'),
      result('c'),
      text,
    ];
    expect(await linked(whole)).toEqual(whole);
    expect(
      await linked([
        user,
        calls('a', 'b'),
        result(),
        result(),
        result(),
        calls('c'),
        result(),
        text,
        result(),
      ]),
    ).toEqual([
      ...[user, calls('a', 'b'), result('a'), result('b'), result(), calls('c'), result('c'), text, result()],
    ]);
    expect(
      await linked([user, calls(undefined, 'call_0'), result(), result(), user, calls(undefined), result()]),
    ).toEqual([
      ...[user, calls('call_1', 'call_0'), result('call_1'), result('call_0'), user],
      ...[calls('call_2'), result('call_2')],
    ]);
    expect(await linked([user, calls('a', 'b'), result(), result('a')])).toEqual([
      ...[user, calls('a', 'b'), result('b'), result('a')],
    ]);
    expect(await linked([user, calls(undefined, undefined), result('x'), result()])).toEqual([
      ...[user, calls('x', 'call_0'), result('x'), result('call_0')],
    ]);
    expect(await linked([user, calls(undefined), calls(undefined), result(), result()])).toEqual([
      ...[user, calls('call_0'), calls('call_1'), result('call_0'), result('call_1')],
    ]);
    expect(await linked([user, calls('a'), user, result(), text])).toEqual([
      ...[user, calls('a'), user, result(), text],
    ]);
    expect(await linked([user, result('z'), text])).toEqual([user, result('z'), text]);
  });

  it('have the roles of ShareGPT', async () => {
    const { served } = await openAndWalk(path, { pool });
    const [, line = ''] = (await exported(served, 'sharegpt')).split('\n');
    expect(JSON.parse(line)).toEqual({
      id: 'own',
      conversations: [
        { from: 'human', value: 'd' },
        { from: 'function_call', value: '{"name": "f", "arguments": {"a": 1}}' },
        { from: 'observation', value: '{}' },
        { from: 'gpt', value: 'e', reasoning_content: 't' },
      ],
      tools: [1],
    });
  });

  it('that cannot be written leave a kernel for the next ones', async () => {
    const { served } = await openAndWalk(path, { pool });
    const [dataset] = served.datasets;
    const kernel = takeKernel();
    giveKernel(kernel);
    const lines = dataset && exportLines(dataset, 'messages', () => Promise.reject(new Error('full')));
    await expect(lines).rejects.toThrow('full');
    expect(takeKernel() === kernel).toBe(true);
    giveKernel(kernel);
  });

  it('are not passed on from a file that has changed', async () => {
    const changed = fileOf(RECORDED);
    const { served } = await openAndWalk(changed, { pool });
    const [dataset] = served.datasets;
    writeFileSync(changed, '[]');
    const lines = dataset === undefined ? undefined : exportLines(dataset, 'messages', async () => {});
    await expect(lines).rejects.toThrow(`${changed}: the file was changed while it was read`);
  });
});

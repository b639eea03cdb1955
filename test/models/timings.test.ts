/** The recorded times of replies in datasets that are served as they are, and in converted ones. */

import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { expect, it } from 'vitest';
import { type Query, queryOf } from '#dist/core/query.js';
import { readRules } from '#dist/settings/rules-file.js';
import { openAndWalk } from '../support/served.js';
import { openPool } from '../support/shared-threads.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const pool = openPool(2);
const ENGINES = ['auto', 'sweep', 'index'] as const;

const timings = [
  [203.4, 5],
  [221.9, 6],
];
const question = { role: 'user', content: 'Hello?' };
const reply = { role: 'assistant', content: 'Hello there', timings };
const messages = [question, reply];
const conversations = [
  { from: 'human', value: 'Hello?' },
  { from: 'gpt', value: 'Hello there', timings },
];
const system = 'Be brief.';
const parts = { ...reply, content: [{ type: 'text', text: 'Hello there' }] };
const json = { messages: JSON.stringify(messages) };
const batch = {
  custom_id: 'a',
  body: { messages: [question] },
  response: { body: { choices: [{ message: reply }] } },
};
const column = { name: 'messages', data: [JSON.stringify(messages)] };

function fileOf(content: string | Uint8Array): string {
  const path = join(mkdtempSync(join(folder, 'of-')), 'data');
  writeFileSync(path, content);
  return path;
}

const asked = (text: string) => queryOf([{ role: 'user', text }], true) as Query;
const lineOf = (record: object) => `${JSON.stringify(record)}\n`;

it.each<[string, string | Uint8Array]>([
  ['JSON lines', lineOf({ messages })],
  ['a JSON array', JSON.stringify([{ conversations }], null, 2)],
  ['gzip of messages', gzipSync(lineOf({ messages }))],
  ['gzip of ShareGPT', gzipSync(lineOf({ conversations }))],
  ['gzip of messages with a system message beside them', gzipSync(lineOf({ system, messages }))],
  ['gzip of ShareGPT with a system message beside it', gzipSync(lineOf({ system, conversations }))],
  ['messages of parts, beside a system message', lineOf({ system, messages: [question, parts] })],
  ['messages in a list', lineOf(messages)],
  ['messages that are JSON in a string', lineOf(json)],
  ['the log of requests', lineOf(batch)],
  ['an object over several lines', JSON.stringify({ system, messages }, null, 2)],
  ['Parquet', new Uint8Array(parquetWriteBuffer({ columnData: [column] }))],
])('are found in %s', async (_what, content) => {
  const path = fileOf(content);
  for (const engine of ENGINES) {
    const { served } = await openAndWalk(path, { engine, pool });
    const match = await served.lookup.find(asked('Hello?'));
    expect(match?.reply.value, engine).toBe('Hello there');
    expect(match?.reply.timings, engine).toEqual(timings);
    await served.close();
  }
});

it('are found for a prompt that only rules make equal to a turn', async () => {
  const messages = [{ role: 'user', content: 'The 3rd of 2031-04-05?' }, reply];
  const rules = readRules(['dates']);
  const { served } = await openAndWalk(fileOf(lineOf({ messages })), { pool, rules });
  const match = await served.lookup.find(asked('The 3rd of 2027-01-02?'));
  expect(match).toMatchObject({ isRuled: true, reply: { value: 'Hello there', timings } });
});

it('of a message that becomes several turns are left out', async () => {
  const use = { type: 'tool_use', id: 'c', name: 'f', input: {} };
  const result = { type: 'tool_result', tool_use_id: 'c', content: 'Rain' };
  const content = [{ type: 'text', text: 'Hello there' }, use, result];
  // The length of the first turn's text and call.
  const recorded = { role: 'assistant', content, timings: [[1, 13]] };
  const record = { system, messages: [question, recorded] };
  const { served } = await openAndWalk(fileOf(lineOf(record)), { pool });
  const match = await served.lookup.find(asked('Hello?'));
  expect(match?.reply.value).toBe('Hello there');
  expect(match?.reply.timings).toBeUndefined();
});

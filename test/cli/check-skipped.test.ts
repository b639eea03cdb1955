/** Records that are not served: `check` counts those that the server skips, and says why. */

import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { check } from '#dist/cli/check.js';
import type { FileReport } from '#dist/cli/check-report.js';
import { RECORD_BYTES_MAX } from '#dist/core/limits.js';
import { DEFAULT_SHAPE_OPTIONS } from '#dist/dataset/shapes/shape.js';
import { openAndWalk } from '../support/served.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const linesOf = (...records: readonly unknown[]) =>
  records.map((each) => `${JSON.stringify(each)}\n`).join('');

function fileOf(content: string | Uint8Array, name = 'data'): string {
  const path = join(mkdtempSync(join(folder, 'of-')), name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** What `check` reports. The server must count the same. */
async function checked(path: string): Promise<FileReport> {
  const options = { workers: 1, shapes: DEFAULT_SHAPE_OPTIONS, splits: [] };
  const report = (await check(path, options, { show: () => {}, end: () => {} })) as FileReport;
  const { served } = await openAndWalk(path, { indexDir: 'none' });
  const { conversations, skipped } = served.status.counts;
  expect({ conversations, skipped }).toEqual({
    conversations: report.conversations,
    skipped: report.skipped,
  });
  return report;
}

describe('a record that is too long once it is converted', () => {
  const LONG = 'longer than 16 MiB once it is converted';
  const long = 'x'.repeat(RECORD_BYTES_MAX - 40);

  it.each<[string, string | Uint8Array]>([
    ['JSON lines', linesOf({ prompt: 'a', completion: 'b' }, { prompt: 'p', completion: long })],
    [
      'a record that is served as it is',
      linesOf({ prompt: 'a', completion: 'b' }, { turns: [{ role: 'user', text: long.slice(12) }] }),
    ],
    [
      'Parquet',
      new Uint8Array(
        parquetWriteBuffer({
          columnData: [
            { name: 'prompt', data: ['a', 'p'] },
            { name: 'completion', data: ['b', long] },
          ],
        }),
      ),
    ],
  ])('is skipped: %s', async (_what, content) => {
    const { conversations, texts, skipped, reasons, firstSkipped } = await checked(fileOf(content));
    expect({ conversations, skipped, reasons }).toEqual({
      conversations: 1,
      skipped: 1,
      reasons: { [LONG]: 1 },
    });
    expect(texts).toMatchObject({ conversations: 1 });
    expect(firstSkipped).toMatchObject({ row: 1, reason: LONG });
  });
});

const request = (custom_id: string, content: string) => ({
  custom_id,
  body: { messages: [{ role: 'user', content }] },
});
const response = (custom_id: string, ...replies: readonly string[]) => ({
  custom_id,
  response: { body: { choices: replies.map((content) => ({ message: { role: 'assistant', content } })) } },
});
const question = (question_id: number, text: string, more: object = {}) => ({
  question_id,
  turns: [text],
  ...more,
});
const answer = (question_id: number, text: string) => ({ question_id, choices: [{ turns: [text] }] });

it('a record that nests too deep is not in the numbers and not the example, and the reason says so', async () => {
  const said = (...texts: readonly string[]) =>
    texts.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }));
  const deep = `{"x":${'['.repeat(70_000)}${']'.repeat(70_000)},"messages":${JSON.stringify(said('p', 'r'))}}\n`;
  const report = await checked(fileOf(`${deep}${linesOf({ messages: said('q', 's', 'Thanks!') })}`));
  expect(report).toMatchObject({
    conversations: 1,
    skipped: 1,
    reasons: { 'longer than 16 MiB, or nested too deep': 1 },
    firstSkipped: { keys: ['x', 'messages'], suggestion: undefined },
    texts: { conversations: 1, turns: 3, roles: { user: 2, assistant: 1 }, longest: 7 },
    example: { prompt: 'q', reply: 's' },
  });
});

describe('records that are joined', () => {
  it.each<[string, readonly object[], number, Readonly<Record<string, number>>, number]>([
    [
      'two batches that share an id',
      [
        request('1', 'One?'),
        request('1', 'Other?'),
        request('2', 'Two?'),
        response('1', 'One.'),
        response('2', 'Two.'),
      ],
      1,
      { 'an id of two different requests': 3 },
      0,
    ],
    [
      'a batch whose output lacks an id, and has another',
      [request('1', 'One?'), request('2', 'Two?'), response('1', 'One.'), response('3', 'Three.')],
      1,
      { 'a request without a response': 1, 'a response without a request': 1 },
      1,
    ],
    [
      'a batch with an empty reply',
      [response('1', ''), request('1', 'One?'), request('2', 'Two?'), response('2', 'Two.')],
      1,
      { 'a request without a response': 1, 'a response without a reply': 1 },
      0,
    ],
    [
      'questions without answers, and an answer without its question',
      [
        question(1, 'One?'),
        question(2, 'Two?', { reference: ['Two.'] }),
        question(3, 'Three?'),
        answer(3, 'Three.'),
        answer(4, 'Four.'),
      ],
      2,
      { 'a question without an answer': 1, 'an answer without a question': 1 },
      0,
    ],
    [
      'two questions that share an id',
      [question(1, 'One?'), question(1, 'Other?'), answer(1, 'One.'), question(2, 'Two?'), answer(2, 'Two.')],
      1,
      { 'an id of two different questions': 3 },
      0,
    ],
    [
      'a request that is there twice',
      [request('1', 'One?'), request('1', 'One?'), response('1', 'One.')],
      1,
      {},
      -1,
    ],
  ])('are skipped if they have no counterpart: %s', async (_what, records, served, reasons, first) => {
    const report = await checked(fileOf(linesOf(...records)));
    const skipped = Object.values(reasons).reduce((sum, count) => sum + count, 0);
    expect(report).toMatchObject({ conversations: served, skipped, reasons });
    expect(report.firstSkipped?.row ?? -1).toBe(first);
    const [joined] = Object.values(report.shapes);
    expect(joined).toBe(records.length - skipped);
  });

  const TOGETHER = ': put the files with both into one folder, or give a pattern that names them';
  it.each<[string, readonly object[], string]>([
    [
      'the input of a batch',
      [request('1', 'One?'), request('2', 'Two?')],
      `no conversation in 2 records with the keys "custom_id", "body": a request without a response${TOGETHER}`,
    ],
    [
      'the output of a batch',
      [response('1', 'One.')],
      `no conversation in 1 record with the keys "custom_id", "response": a response without a request${TOGETHER}`,
    ],
    [
      'questions',
      [question(1, 'One?')],
      `no conversation in 1 record with the keys "question_id", "turns": a question without an answer${TOGETHER}`,
    ],
    [
      'two questions that share an id',
      [question(1, 'One?'), question(1, 'Other?'), answer(1, 'One.')],
      'no conversation in 3 records with the keys "question_id", "turns": an id of two different questions',
    ],
  ])('are refused with the reason if none has one: %s', async (_what, records, problem) => {
    const path = fileOf(linesOf(...records));
    await expect(openAndWalk(path, { indexDir: 'none' })).rejects.toThrow(`${path}: ${problem}`);
  });
});

/** Plain records, which the kernel converts, become what they would if each were parsed and read. */

import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { byteOffset } from '#dist/core/bytes.js';
import { addReports, type ConversionReport } from '#dist/dataset/conversion-report.js';
import { type DatasetFormat, identityAt } from '#dist/dataset/file.js';
import { PLAIN_KEYS } from '#dist/dataset/shapes/pairs.js';
import { DEFAULT_SHAPE_OPTIONS } from '#dist/dataset/shapes/shape.js';
import { TEXT_TEMPLATES } from '#dist/dataset/shapes/templates.js';
import { kernelModule } from '#dist/kernel/kernel.js';
import { addBatch } from '#dist/workers/convert-batch.js';
import { PlainRecords } from '#dist/workers/plain-records.js';
import { parseRecord, RecordConverter } from '#dist/workers/record-converter.js';
import { RowConverter } from '#dist/workers/row-converter.js';
import { fillRows } from '#dist/workers/spool-lines.js';
import { walk } from '#dist/workers/walk.js';
import { type Chance, chance, pick } from '../support/chance.js';
import { newKernel } from '../support/dataset.js';
import { FACTOR, SEED } from '../support/factor.js';
import { temporaryFolder } from '../support/temporary.js';

const path = join(temporaryFolder(), 'data.json');
const kernel = newKernel();

interface Converted {
  readonly lines: string;
  readonly report: ConversionReport;
}

function resultOf(converter: RecordConverter): Converted {
  const { bytes, blanks } = converter.lines.take();
  fillRows(bytes, blanks, 7);
  return { lines: bytes.toString(), report: converter.report };
}

/** What the kernel makes of records that are written to a file. */
function converted(records: readonly string[], format: DatasetFormat, blockBytes = 1 << 12): Converted {
  const text = format === 'lines' ? records.join('\n') : `[${records.join(',')}]`;
  writeFileSync(path, text);
  const file = identityAt(path);
  if (file === undefined) throw new Error('expected a file');
  const body = { start: byteOffset(format === 'lines' ? 0 : 1), end: byteOffset(file.size) };
  const converter = new RecordConverter(DEFAULT_SHAPE_OPTIONS);
  const plain = new PlainRecords(kernelModule(), DEFAULT_SHAPE_OPTIONS);
  const fd = openSync(path, 'r');
  const limits = { blockBytes, recordBytesMax: 1 << 20 };
  for (const batch of walk(kernel, fd, { file, format, body }, body, () => undefined, limits)) {
    addBatch(converter, plain, batch, format);
  }
  closeSync(fd);
  const { lines, report } = resultOf(converter);
  return { lines, report: addReports(report, plain.takeReport()) };
}

/** What rows of a table become. */
function convertedRows(rows: readonly object[]): Converted {
  const plain = new PlainRecords(kernelModule(), DEFAULT_SHAPE_OPTIONS);
  const converter = new RecordConverter(DEFAULT_SHAPE_OPTIONS);
  const rowConverter = new RowConverter(converter, plain);
  for (const row of rows) rowConverter.add(row);
  rowConverter.flush();
  const { lines, report } = resultOf(converter);
  return { lines, report: addReports(report, plain.takeReport()) };
}

/** What each of them becomes if it is parsed and read. */
function readOneByOne(records: readonly string[]): Converted {
  const converter = new RecordConverter(DEFAULT_SHAPE_OPTIONS);
  for (const text of records) converter.add(parseRecord(text), text);
  return resultOf(converter);
}

const parsed = ({ lines, report }: Converted) => ({
  report,
  lines: lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line)),
});

/** Parts of texts: what shapes and templates look for, white space of all kinds, and escapes. */
const PIECES = [
  '[{"role":"user","content":"a"}]',
  ...[
    '',
    'moss',
    'moss',
    'A',
    'As',
    'Ass',
    '#',
    '# ',
    '<',
    '<s',
    '[',
    '{',
    '[1]',
    '{"a": 1}',
    '"',
    '\\',
    '/',
    '</s>',
  ],
  ...[' ', '  ', '\n', '\n\n', '\t', '\r', '\0', '\u00a0', '\u1680', '\u2003', '\u3000', '\ufeff', '\u2028'],
  ...['é', '世', 'か', '“', '😀', '\ud83d', 'Human: ', 'USER: ', '\ue0000\ue001', ','.repeat(40)],
  // The beginnings of examples are prompts: they end where the reply begins.
  ...TEXT_TEMPLATES.flatMap(({ mark, example }) => [
    mark,
    example,
    example.slice(0, example.indexOf('A plant')),
  ]),
];

/** JSON of a text as other programs write it: every character a number, some, or none. */
const spellings = [
  (text: string) => JSON.stringify(text),
  (text: string) => JSON.stringify(text).replaceAll('/', '\\/'),
  (text: string) => JSON.stringify(text).replace(/[^ -~]/g, escaped),
  (text: string) => `"${text.replace(/./gs, escaped)}"`,
];

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** The keys of most records. */
const USUAL_KEYS = [
  ['instruction', 'input', 'output'],
  ['prompt', 'completion'],
  ['id', 'system', 'question', 'context', 'answer'],
];
const OTHER_KEYS = [...PLAIN_KEYS, 'text', 'history', 'Prompt', 'pro\\u006dpt'];
const OTHER_VALUES = ['1', 'null', 'NaN', '[]', '{"a": "b"}'];

function randomRecord(random: Chance): string {
  const list = (count: number, each: () => string) => Array.from({ length: count }, each);
  const text = () => list(random(3), () => pick(random, PIECES)).join('');
  const value = () => (random(40) === 0 ? pick(random, OTHER_VALUES) : pick(random, spellings)(text()));
  const keys = random(8) === 0 ? list(random(6), () => pick(random, OTHER_KEYS)) : pick(random, USUAL_KEYS);
  const blank = pick(random, ['', ' ', '\t']);
  return `{${keys.map((key) => `${blank}"${key}"${blank}:${blank}${value()}`).join(',')}}`;
}

describe('plain records', () => {
  it('become what they would if each were parsed and read', () => {
    const random = chance(SEED);
    for (let round = 0; round < 20 * FACTOR; round++) {
      const records = Array.from({ length: 500 }, () => randomRecord(random));
      const format = round % 2 === 0 ? 'lines' : 'array';
      expect(parsed(converted(records, format))).toEqual(parsed(readOneByOne(records)));
    }
  });

  it('become the same as rows of a table', () => {
    const random = chance(SEED);
    const records = Array.from({ length: 9000 * FACTOR }, () => parseRecord(randomRecord(random)) as object);
    const converter = new RecordConverter(DEFAULT_SHAPE_OPTIONS);
    for (const record of records) converter.add(record);
    expect(parsed(convertedRows(records))).toEqual(parsed(resultOf(converter)));
  });

  it.each([
    ['long', [{ question: 'q', answer: 'é'.repeat(400_000) }]],
    [
      'of other values after many of texts',
      [...Array(5000).fill({ question: 'q', answer: 'a' }), { question: 'q', answer: 5 }],
    ],
    [
      'plain after many that are not',
      [...Array(9000).fill({ a: 'q', b: 'a' }), { question: 'q', answer: 'a' }],
    ],
  ])('become the same as rows of a table, if they are %s', (_what, records) => {
    const converter = new RecordConverter(DEFAULT_SHAPE_OPTIONS);
    for (const record of records) converter.add(record);
    expect(parsed(convertedRows(records))).toEqual(parsed(resultOf(converter)));
  });

  it.each([
    ['{"instruction":"Name a plant.","input":"","output":"Moss."}', 1],
    ['{"instruction":"Shorten.","input":"A small plant.","output":"A plant."}', 2],
    ['{"prompt":"What is moss?\\n\\n","completion":" A plant.\\tSmall.","id":"a"}', 1],
    ['{"system":"Be brief.","question":"世\\u754c?","answer":"\\u4e16 “é”"}', 1],
  ])('have their strings copied as they are spelled: %s', (record, conversations) => {
    const strings = record.match(/"(?:[^"\\]|\\.)+"(?=[,}])/g) ?? [];
    const { lines, report } = converted([record, record], 'lines');
    for (const string of strings) expect(lines).toContain(string.slice(1, -1));
    expect(report.conversations).toBe(2 * conversations);
    expect(parsed({ lines, report })).toEqual(parsed(readOneByOne([record, record])));
  });

  it('may be more than the room for their lines', () => {
    const list = Array.from({ length: 6000 }, (_, i) =>
      JSON.stringify({
        instruction: `prompt ${i}`,
        input: i % 3 === 0 ? '' : 'x'.repeat(i),
        output: 'y'.repeat(900),
      }),
    );
    expect(parsed(converted(list, 'array', 1 << 20))).toEqual(parsed(readOneByOne(list)));
  });

  it('of any number of kinds are converted', () => {
    const keys = [...PLAIN_KEYS];
    const list = keys.flatMap((prompt) =>
      keys.map((reply) => JSON.stringify({ [prompt]: 'a prompt', [reply]: 'a reply', id: 'x' })),
    );
    expect(parsed(converted(list, 'lines'))).toEqual(parsed(readOneByOne(list)));
  });
});

/** Tables, also damaged ones. */

import { closeSync, openSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  bool,
  columnFromArray,
  dateDay,
  int32,
  list as listOf,
  nullType,
  struct,
  tableFromColumns,
  tableToIPC,
  utf8,
} from '@uwdata/flechette';
import fc from 'fast-check';
import type { ColumnMetaData } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { expect, it } from 'vitest';
import { DatasetSyntaxError } from '#dist/core/errors.js';
import { TABLE_BATCH_BYTES_MAX } from '#dist/core/limits.js';
import { recognizeDataset } from '#dist/dataset/dataset.js';
import { DatasetError } from '#dist/dataset/dataset-error.js';
import { DEFAULT_SHAPE_OPTIONS } from '#dist/dataset/shapes/shape.js';
import { fieldAt } from '#dist/workers/flatbuffers.js';
import { assertPages } from '#dist/workers/parquet-pages.js';
import { readRows, rowGroups } from '#dist/workers/tables.js';
import { runs } from '../support/factor.js';
import { ROOT } from '../support/project.js';
import { temporaryFolder } from '../support/temporary.js';

const path = join(temporaryFolder(), 'table');
const DATA = join(ROOT, 'test/data');
const files = readdirSync(DATA)
  .filter((name) => /\.(arrow|parquet)$/.test(name) && !/encrypted|long/.test(name))
  .map((name) => readFileSync(join(DATA, name)));

/** Reads all rows of a file. */
async function read(content: Uint8Array, take?: (row: object) => void): Promise<object[]> {
  writeFileSync(path, content);
  const recognized = recognizeDataset(path, DEFAULT_SHAPE_OPTIONS);
  if (recognized.kind !== 'table') return [];
  const fd = openSync(path, 'r');
  const rows: object[] = [];
  try {
    for (const group of await rowGroups(fd, recognized)) {
      await readRows(fd, recognized, group, take ?? ((row) => rows.push(row)));
    }
  } finally {
    closeSync(fd);
  }
  return rows;
}

it('Arrow and Parquet are read, whatever their kind', async () => {
  expect(files.length).toBeGreaterThan(5);
  for (const file of files) expect((await read(file)).length).toBeGreaterThan(2);
});

it('Arrow and Parquet with a damaged byte end with rows or an error', async () => {
  const damaged = fc.constantFrom(...files).chain((file) =>
    fc.record({
      file: fc.constant(file),
      at: fc.nat({ max: file.length - 1 }),
      byte: fc.nat({ max: 255 }),
    }),
  );
  await fc.assert(
    fc.asyncProperty(damaged, async ({ file, at, byte }) => {
      const content = Buffer.from(file);
      content[at] = byte;
      try {
        await read(content);
      } catch (error) {
        const isExpected = error instanceof DatasetSyntaxError || error instanceof DatasetError;
        expect(isExpected, String(error)).toBe(true);
        expect(String(error)).not.toMatch(/out of range|bounds|of undefined|Invalid .*length/);
      }
    }),
    runs(500),
  );
});

it('Parquet with fewer rows than it says is an error, not a shorter dataset', async () => {
  writeFileSync(path, readFileSync(join(DATA, 'pyarrow-pages.parquet')));
  const recognized = recognizeDataset(path, DEFAULT_SHAPE_OPTIONS);
  if (recognized.kind !== 'table') expect.fail('expected a table');
  const fd = openSync(path, 'r');
  try {
    const [group] = await rowGroups(fd, recognized);
    if (group?.table !== 'parquet') expect.fail('expected a group of Parquet');
    const longer = { ...group, rows: group.rows + 1 };
    await expect(readRows(fd, recognized, longer, () => undefined)).rejects.toThrow(DatasetSyntaxError);
  } finally {
    closeSync(fd);
  }
});

it('an Arrow stream whose dictionaries are too long for the memory is an error', async () => {
  const stream = readFileSync(join(DATA, 'pyarrow-dictionaries-stream.arrow'));
  const PREFIX_BYTES = 8;
  const BODY_LENGTH = 3;
  const at = PREFIX_BYTES + stream.readInt32LE(4);
  const bodyAt = at + PREFIX_BYTES + stream.readInt32LE(at + 4);
  const head = stream.subarray(at + PREFIX_BYTES, bodyAt);
  head.writeBigInt64LE(BigInt(TABLE_BATCH_BYTES_MAX), fieldAt(head, head.readUInt32LE(0), BODY_LENGTH));
  writeFileSync(path, stream.subarray(0, bodyAt));
  truncateSync(path, bodyAt + TABLE_BATCH_BYTES_MAX);
  const recognized = recognizeDataset(path, DEFAULT_SHAPE_OPTIONS);
  if (recognized.kind !== 'table') expect.fail('expected a table');
  const fd = openSync(path, 'r');
  try {
    await expect(rowGroups(fd, recognized)).rejects.toThrow(/its dictionaries have \d+ bytes/);
  } finally {
    closeSync(fd);
  }
});

it('Parquet whose page says that it is too long for the memory is an error', () => {
  // A head in Thrift's compact protocol: the kind of page, and its lengths in 32 bits, zigzag.
  const head = Buffer.from([0x15, 0x00, 0x15, 0x82, 0x80, 0x80, 0x80, 0x08, 0x15, 0x02, 0x00]);
  const column = { data_page_offset: 0n, total_compressed_size: 100n, num_values: 1n };
  const bytes = Buffer.alloc(100);
  head.copy(bytes);
  const read = (start: number, end: number) => Uint8Array.from(bytes.subarray(start, end)).buffer;
  expect(() => assertPages(read, column as ColumnMetaData)).toThrow(/a page has more than \d+ bytes/);
});

it.each([
  'duckdb-long-page-zstd.parquet',
  'duckdb-long-page-lz4.parquet',
  'pyarrow-long-zstd.arrow',
  'pyarrow-long-lz4.arrow',
])('a page or a batch of 63 MB takes little memory: %s', async (name) => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const held = () => process.memoryUsage().arrayBuffers;
  const before = held();
  let most = 0;
  let count = 0;
  await read(readFileSync(join(DATA, name)), (row) => {
    expect(row).toEqual({ prompt: `Question ${count}`, completion: `${'it '.repeat(21_000)}${count}` });
    if (++count % 50 > 0) return;
    collectGarbage();
    most = Math.max(most, held() - before);
  });
  expect(count).toBe(1000);
  expect(most).toBeLessThan(40e6);
});

it('long pages of Parquet are read as short ones are, whatever their compression', async () => {
  const texts = Array.from({ length: 900 }, (_, i) => `${'😀 it '.repeat(500 + i)}is ${i}.`);
  const columnData = [{ name: 'completion', data: texts }];
  const expected = texts.map((completion) => ({ completion }));
  for (const codec of ['SNAPPY', 'UNCOMPRESSED'] as const) {
    const written = parquetWriteBuffer({ columnData, codec, pageSize: 1 << 30 });
    expect(await read(new Uint8Array(written))).toEqual(expected);
  }
});

it('texts of Parquet after the lengths of all of them are read, and nulls among them', async () => {
  const rows = await read(readFileSync(join(DATA, 'pyarrow-delta-lengths.parquet')));
  const completion = (i: number) => (i === 7 ? null : `${'it '.repeat(3000)}${i}`);
  expect(rows).toEqual(
    Array.from({ length: 600 }, (_, i) => ({ prompt: `Question ${i}`, completion: completion(i) })),
  );
});

it('a column of Parquet that can not be read is null; a name may have a dot', async () => {
  const [row] = await read(readFileSync(join(DATA, 'duckdb-intervals.parquet')));
  expect(row).toEqual({
    prompt: 'Question 0',
    completion: 'Answer 0',
    took: null,
    more: { a: null, b: 0 },
    's.b': 'flat',
    s: { b: 'inner' },
  });
});

it('a damaged page of Parquet is an error that names the column and what is wrong', async () => {
  const texts = Array.from({ length: 3 }, (_, i) => `Text ${i}`);
  const column = (name: string) => ({ name, data: texts, encoding: 'PLAIN' as const, nullable: false });
  const written = Buffer.from(
    parquetWriteBuffer({ columnData: [column('prompt'), column('reply')], codec: 'UNCOMPRESSED' }),
  );
  const length = written.lastIndexOf('Text 2', written.lastIndexOf('Text 1') + 20) - 4;
  written.writeUInt32LE(1000, length);
  await expect(read(written)).rejects.toThrow(
    'not a valid Parquet file: column reply: its values are longer than its bytes',
  );
});

it('a long batch of Arrow is read as a short one is, whatever its types', async () => {
  const count = 3001;
  const list = <T>(of: (i: number) => T) => Array.from({ length: count }, (_, i) => of(i));
  const turn = (i: number) => ({ role: 'user', content: `${'😀 it '.repeat(500)}${i}` });
  const columns = {
    prompt: columnFromArray(
      list((i) => (i % 3 === 0 ? null : `Question ${i}`)),
      utf8(),
    ),
    turns: columnFromArray(
      list((i) => (i % 5 === 0 ? null : Array.from({ length: i % 4 }, (_, j) => turn(i + j)))),
      listOf(struct({ role: utf8(), content: utf8() })),
    ),
    number: columnFromArray(
      list((i) => (i % 7 === 0 ? null : i)),
      int32(),
    ),
    day: columnFromArray(
      list((i) => new Date(i * 86_400_000)),
      dateDay(),
    ),
    isGood: columnFromArray(
      list((i) => (i % 11 === 0 ? null : i % 2 === 0)),
      bool(),
    ),
    nothing: columnFromArray(
      list(() => null),
      nullType(),
    ),
  };
  const file = tableToIPC(tableFromColumns(columns), { format: 'file' });
  if (file === null) expect.fail('expected a file');
  expect(await read(file)).toEqual(
    list((i) => ({
      prompt: i % 3 === 0 ? null : `Question ${i}`,
      turns: i % 5 === 0 ? null : Array.from({ length: i % 4 }, (_, j) => turn(i + j)),
      number: i % 7 === 0 ? null : i,
      day: new Date(i * 86_400_000).toISOString(),
      isGood: i % 11 === 0 ? null : i % 2 === 0,
      nothing: null,
    })),
  );
});

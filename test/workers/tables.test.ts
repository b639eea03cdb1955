/** Tables, also damaged ones. */

import { closeSync, openSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { ColumnMetaData } from 'hyparquet';
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
  .filter((name) => /\.(arrow|parquet)$/.test(name) && !name.includes('encrypted'))
  .map((name) => readFileSync(join(DATA, name)));

/** Reads all rows of a file. */
async function read(content: Uint8Array): Promise<object[]> {
  writeFileSync(path, content);
  const recognized = recognizeDataset(path, DEFAULT_SHAPE_OPTIONS);
  if (recognized.kind !== 'table') return [];
  const fd = openSync(path, 'r');
  const rows: object[] = [];
  try {
    for (const group of await rowGroups(fd, recognized)) {
      await readRows(fd, recognized, group, (row) => rows.push(row));
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

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

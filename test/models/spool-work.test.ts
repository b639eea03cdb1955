/** Making a spool. */

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { expect, it, onTestFinished } from 'vitest';
import { recognizeDataset } from '#dist/dataset/dataset.js';
import { DEFAULT_SHAPE_OPTIONS } from '#dist/dataset/shapes/shape.js';
import { SpoolWriter } from '#dist/dataset/spool.js';
import { SpoolWork } from '#dist/models/spool-work.js';
import { WorkerPool } from '#dist/workers/pool.js';
import { isStopped, newStopFlag } from '#dist/workers/stop-flag.js';
import type { ConvertRowsTask } from '#dist/workers/tasks.js';
import { temporaryFolder } from '../support/temporary.js';

/** Keeps the tasks that it runs. */
class RecordingPool extends WorkerPool {
  readonly tasks: ConvertRowsTask[] = [];

  override convertRows(task: ConvertRowsTask) {
    this.tasks.push(task);
    return super.convertRows(task);
  }
}

it('an error in a group of rows stops the others', async () => {
  const path = join(temporaryFolder(), 'rows.parquet');
  const texts = Array.from({ length: 4 }, (_, i) => `Text ${i}`);
  const columnData = [
    { name: 'prompt', data: texts },
    { name: 'reply', data: texts },
  ];
  writeFileSync(
    path,
    new Uint8Array(parquetWriteBuffer({ columnData, codec: 'UNCOMPRESSED', rowGroupSize: 2 })),
  );
  const damaged = readFileSync(path);
  damaged.writeUInt32LE(1000, damaged.indexOf('Text 0') - 4);
  writeFileSync(path, damaged);
  const pool = new RecordingPool(2);
  onTestFinished(() => pool.close());
  const writer = await SpoolWriter.begin(`${path}.spool`, statSync(path).mode);
  if (writer === undefined) expect.fail('expected a writer');
  const stop = newStopFlag();
  const work = new SpoolWork(path, writer, pool, stop, {
    shapes: DEFAULT_SHAPE_OPTIONS,
    splits: [],
    indexDir: undefined,
    onProgress: () => undefined,
    onWaiting: () => undefined,
  });
  await expect(work.run(recognizeDataset(path, DEFAULT_SHAPE_OPTIONS))).rejects.toThrow(/column prompt: /);
  await work.end();
  expect(pool.tasks.length).toBe(2);
  for (const { stops } of pool.tasks) expect(stops.some((each) => isStopped(each, 0))).toBe(true);
  expect(isStopped(stop, 0)).toBe(false);
});

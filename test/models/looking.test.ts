/** Looking at a dataset that is being read, or is replaced. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AppError } from '#dist/core/errors.js';
import { Marks } from '#dist/index/marks.js';
import { Marking } from '#dist/models/marking.js';
import { open, openAndWalk, replace } from '../support/served.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const talk = (id: string) => ({
  id,
  messages: [
    { role: 'user', content: `prompt of ${id}` },
    { role: 'assistant', content: `reply ${'x'.repeat(1000)}` },
  ],
});
const listOf = (name: string, count: number) =>
  JSON.stringify(Array.from({ length: count }, (_, i) => talk(`${name}${i}`)));

function fileOf(name: string, count: number): string {
  const path = join(folder, `${name}.json`);
  writeFileSync(path, listOf(name, count));
  return path;
}

describe('a dataset that is being read', () => {
  it.each(['sweep', 'auto', 'index'] as const)('answers as soon as it can (%s)', async (engine) => {
    const { served } = await open(fileOf(`read-${engine}`, 20_000), { engine });
    expect(served.corpus.total).toBeUndefined();
    // The walk has not begun.
    const last = served.corpus.conversation(19_999, false);
    const beyond = served.corpus.conversation(20_000, false);
    const first = served.corpus.conversations(0, 2);
    const byId = served.corpus.byId(`read-${engine}12345`, 2);
    const { walked } = await served.start();
    expect((await first).lines.map(({ number }) => number)).toEqual([0, 1]);
    expect(await last).toMatchObject({ number: 19_999, id: `read-${engine}19999` });
    expect(await beyond).toBeUndefined();
    expect((await byId).lines.map(({ number }) => number)).toEqual([12_345]);
    await walked;
    expect(served.corpus.total).toBe(20_000);
  });

  it('rejects what waits when it is closed', async () => {
    const { served } = await open(fileOf('closed', 10));
    const waiting = served.corpus.conversation(5, false);
    const rejected = expect(waiting).rejects.toMatchObject({ code: 'dataset_changed' });
    await served.close();
    await rejected;
  });
});

describe('a dataset that is replaced', () => {
  it('answers from the new file', async () => {
    const path = fileOf('old', 40);
    const { served } = await openAndWalk(path, { engine: 'index' });
    expect(await served.corpus.conversation(3, false)).toMatchObject({ id: 'old3' });
    expect((await served.corpus.byId('old3', 5)).lines).toHaveLength(1);
    replace(path, listOf('new', 30));
    served.lookAtFile();
    expect(await served.corpus.conversation(3, false)).toMatchObject({ id: 'new3' });
    expect((await served.corpus.conversations(28, 10)).lines.map(({ id }) => id)).toEqual(['new28', 'new29']);
    expect((await served.corpus.byId('old3', 5)).lines).toEqual([]);
    expect(await served.corpus.conversation(35, false)).toBeUndefined();
  });

  it('in place answers from the new file, or says that it is changing', async () => {
    const path = fileOf('first', 40);
    const { served } = await openAndWalk(path, { engine: 'index' });
    writeFileSync(path, listOf('other', 40));
    const found = await served.corpus.conversation(3, false).catch((error: unknown) => error);
    if (found instanceof AppError) expect(found.code).toBe('dataset_changed');
    else expect(found).toMatchObject({ id: 'other3' });
  });
});

describe('marks that are waited for', () => {
  const marksOf = (records: number) =>
    new Marks({ count: 0, records, end: 0, buffer: new SharedArrayBuffer(0) });

  it('come once there are as many as are needed, or all', async () => {
    const marking = new Marking();
    const some = marking.marks(10);
    const more = marking.marks(30);
    marking.advance(marksOf(15), false);
    expect((await some).records).toBe(15);
    expect((await marking.marks(15)).records).toBe(15);
    marking.advance(marksOf(20), true);
    expect((await more).records).toBe(20);
    expect((await marking.marks(1000)).records).toBe(20);
  });

  it('that are there can be used after a failure; others are rejected', async () => {
    const marking = new Marking();
    const more = marking.marks(30);
    marking.advance(marksOf(15), false);
    marking.fail(new Error('broken'));
    await expect(more).rejects.toMatchObject({ code: 'dataset_changed' });
    expect((await marking.marks(15)).records).toBe(15);
    await expect(marking.marks(16)).rejects.toMatchObject({ code: 'dataset_changed' });
  });
});

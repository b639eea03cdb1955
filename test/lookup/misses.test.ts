/** The cost of a miss: how many texts are read for it, and whether other requests have to wait. */

import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { MaybePromise } from '#dist/core/maybe-promise.js';
import { type Query, queryOf } from '#dist/core/query.js';
import { datasetWriter, enginesOf, newKernel, poolOf } from '../support/dataset.js';

const write = datasetWriter();
const PROMPTS = 4000;
const WORKERS = 2;

const talk = (...texts: string[]) => ({ conversations: texts.map((value) => ({ from: 'x', value })) });
const queryFor = (text: string) => queryOf([{ role: 'user', text }]) as Query;

/** A prompt from a template: all of them have the same beginning and end. */
const templated = (subject: string) =>
  `${'Answer the question, in one sentence and without a list. '.repeat(4)}${subject}\n\n${'Think step by step. '.repeat(8)}`;

/** Engines over a dataset, with keys of the given number of bits, and the number of file reads for lookups. */
async function countedEngines(list: readonly unknown[], bits?: number) {
  const pool = poolOf(WORKERS, bits);
  const engines = await enginesOf(write(JSON.stringify(list)), pool, newKernel(bits));
  const reads = vi.spyOn(engines.reader, 'read');
  return { ...engines, reads };
}

/** The number of event loop turns until it settles. */
async function turnsUntil(pending: MaybePromise<unknown>): Promise<number> {
  let isOver = false;
  const settled = Promise.resolve(pending).finally(() => {
    isOver = true;
  });
  let turns = 0;
  for (; !isOver; turns++) await setImmediate();
  await settled;
  return turns;
}

describe('a prompt that is not found', () => {
  it('reads few of the thousands of turns that begin and end as it does', async () => {
    const list = Array.from({ length: PROMPTS }, (_, i) => talk(templated(`question ${i}`), `reply ${i}`));
    const { index, sweep, reads } = await countedEngines(list);
    for (const subject of ['question', 'question 4001', 'question  4002', 'another']) {
      const query = queryFor(templated(subject));
      reads.mockClear();
      expect(await index.find(query)).toBeUndefined();
      expect(await index.similar(query)).toMatchObject({ turnIndex: 0, relation: 'beginning' });
      expect(reads.mock.calls.length).toBeLessThan(20);
    }
    reads.mockClear();
    expect(await sweep.find(queryFor(templated('another')))).toBeUndefined();
    expect(reads.mock.calls.length).toBeLessThan(20);
  });

  it('is found by its normalized text, first in the file, even if all turns have the same beginning and end', async () => {
    const prompts = Array.from({ length: 60 }, (_, i) => templated(`question ${i % 20}`));
    const { index } = await countedEngines(prompts.map((prompt, i) => talk(prompt, `reply ${i}`)));
    for (let i = 0; i < 20; i++) {
      const query = queryFor(templated(`question \n ${i}`));
      expect((await index.find(query))?.reply.value).toBe(`reply ${i}`);
    }
  });

  it('delays no other request while it is compared with thousands of texts whose keys collide', async () => {
    const list = Array.from({ length: PROMPTS }, (_, i) => talk(`prompt ${i}`, `reply ${i}`));
    const { index, reads } = await countedEngines(list, 1);
    const query = queryFor('prompt');
    expect(await turnsUntil(index.find(query))).toBeGreaterThan(2);
    expect(await index.find(query)).toBeUndefined();
    expect((await index.find(queryFor(`prompt ${PROMPTS - 1}`)))?.reply.value).toBe(`reply ${PROMPTS - 1}`);
    // Lookups that arrive meanwhile share the same turns.
    reads.mockClear();
    const both = [index.find(query), index.find(query)];
    expect(await Promise.all(both)).toEqual([undefined, undefined]);
    expect(reads.mock.calls.length).toBeLessThanOrEqual(2 * (PROMPTS + 3));
  });

  it('is no longer compared after its lookup is aborted', async () => {
    const list = Array.from({ length: PROMPTS }, (_, i) => talk(`prompt ${i}`, `reply ${i}`));
    const { index, reads } = await countedEngines(list, 1);
    const left = new AbortController();
    const pending = index.find(queryFor('prompt'), () => left.signal);
    left.abort(new Error('the client left'));
    await expect(pending).rejects.toThrow('the client left');
    const read = reads.mock.calls.length;
    for (let i = 0; i < 10; i++) await setImmediate();
    expect(reads.mock.calls.length).toBe(read);
    expect(read).toBeLessThan(PROMPTS);
  });

  it('is compared once, even if looked up with and without a system message', async () => {
    // Only a few have this beginning in common, so the lookup reads and compares them.
    const list = [1, 2].map((i) => talk(templated(`question ${i}`), `reply ${i}`));
    const { index, reads } = await countedEngines(list);
    const asked = queryOf([
      { role: 'system', text: 'be short' },
      { role: 'user', text: templated('question') },
    ]) as Query;
    expect(asked.histories).toHaveLength(2);
    expect(await index.find(asked)).toBeUndefined();
    expect(reads).toHaveBeenCalledTimes(list.length);
  });
});

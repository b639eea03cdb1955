import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { Threads } from '#dist/workers/threads.js';
import { temporaryFolder } from '../support/temporary.js';

const filename = pathToFileURL(join(temporaryFolder(), 'thread.mjs'));
// The number counts the starts of threads, or the tries of a task: what it does depends on it.
writeFileSync(
  filename,
  `
  import { workerData } from 'node:worker_threads';
  const next = (counter) => Atomics.add(counter, 0, 1);
  if (next(workerData.starts) < workerData.badStarts) process.exit(1);
  const done = (value) => ({ kind: 'done', value });
  export const isLoaded = () => done(true);
  export const double = (number) => done(2 * number);
  export const dieTimes = ({ counter, times }) => (next(counter) < times ? process.exit(1) : done('survived'));
  export const throwTimes = ({ counter, times }) => {
    if (next(counter) < times) throw new Error('thrown');
    return done('returned');
  };
`,
);

const counter = () => new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
const open: Threads[] = [];
afterEach(() => Promise.all(open.splice(0).map((each) => each.close())));

function start(threads: number, badStarts = 0, onEnd?: (threadId: number) => void): Threads {
  const pool = new Threads({
    filename,
    threads,
    tasksAhead: 2,
    workerData: { starts: counter(), badStarts },
    ...(onEnd !== undefined && { onEnd }),
  });
  open.push(pool);
  return pool;
}

describe('threads', () => {
  it('run each task, more of them than there are threads', async () => {
    const pool = start(2);
    const results = await Promise.all(Array.from({ length: 50 }, (_, i) => pool.run('double', i)));
    expect(results).toEqual(Array.from({ length: 50 }, (_, i) => ({ kind: 'done', value: 2 * i })));
    expect(pool.queue).toBe(0);
  });

  it.each([
    ['dieTimes', 'survived', 2],
    ['throwTimes', 'returned', 0],
  ])('try a task up to three times: %s', async (name, value, deaths) => {
    const pool = start(1);
    let reported = 0;
    pool.onDeath = () => reported++;
    const waiting = pool.run(name, { counter: counter(), times: 2 });
    const others = Array.from({ length: 5 }, (_, i) => pool.run('double', i));
    expect(await waiting).toEqual({ kind: 'done', value });
    expect((await Promise.all(others)).map(({ kind }) => kind)).toEqual(Array(5).fill('done'));
    expect([pool.deaths, reported]).toEqual([deaths, deaths]);
  });

  it.each([
    ['dieTimes', 'Error: worker exited with code: 1'],
    ['throwTimes', 'Error: thrown'],
  ])('give a task up after that: %s', async (name, detail) => {
    const pool = start(1);
    const failed = { kind: 'failed', code: 'worker_failed', detail };
    expect(await pool.run(name, { counter: counter(), times: 3 })).toEqual(failed);
    expect(await pool.run('double', 4)).toEqual({ kind: 'done', value: 8 });
  });

  it('that die while they start are started again', async () => {
    const pool = start(1, 2);
    expect(await pool.run('double', 4)).toEqual({ kind: 'done', value: 8 });
    expect(pool.deaths).toBe(2);
  });

  it('finish the tasks that they have before they are closed', async () => {
    const pool = start(1);
    const tasks = Array.from({ length: 6 }, (_, i) => pool.run('double', i));
    await pool.close();
    expect((await Promise.all(tasks)).map(({ kind }) => kind)).toEqual(Array(6).fill('done'));
    expect((await pool.run('double', 1)).kind).toBe('failed');
  });

  it('are reported once each has ended', async () => {
    const ended = new Set<number>();
    const pool = start(2, 0, (id) => ended.add(id));
    await pool.run('dieTimes', { counter: counter(), times: 1 });
    expect(ended.size).toBe(1);
    await pool.close();
    // The one that replaced it may not have been ready.
    await expect.poll(() => ended.size).toBeGreaterThan(1);
  });

  it('that are abandoned fail their tasks', async () => {
    const pool = start(1);
    const tasks = Array.from({ length: 5 }, () => pool.run('dieTimes', { counter: counter(), times: 9 }));
    await pool.abandon(Promise.resolve());
    expect((await Promise.all(tasks)).map(({ kind }) => kind)).toEqual(Array(5).fill('failed'));
  });
});

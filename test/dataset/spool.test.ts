import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { byteOffset } from '#dist/core/bytes.js';
import { SPOOL_HEADER_BYTES, SPOOL_IDLE_MS } from '#dist/core/limits.js';
import { NOTHING_CONVERTED } from '#dist/dataset/conversion-report.js';
import { type FileIdentity, identityAt } from '#dist/dataset/file.js';
import { openSpool, SpoolWriter } from '#dist/dataset/spool.js';
import { thisOwner } from '#dist/dataset/spool-owner.js';
import { spoolPaths } from '#dist/dataset/spool-paths.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const newFolder = () => mkdtempSync(join(folder, 'of-'));
const report = { ...NOTHING_CONVERTED, container: 'CSV', records: 2, skipped: 1, shapes: { Alpaca: 1 } };
const body = { format: 'lines', start: SPOOL_HEADER_BYTES } as const;
const lines = '{"messages": []}\n';

/** A source, and the path of its spool. */
function newSource() {
  const path = join(newFolder(), 'data.csv');
  writeFileSync(path, 'prompt,reply\n');
  return { path, target: `${path}.verbatim-spool` };
}

const stateOf = (path: string) => identityAt(path) as FileIdentity;

async function writerFor(target: string): Promise<SpoolWriter> {
  return (await SpoolWriter.begin(target, 0o644)) ?? expect.fail('expected a writer');
}

async function spooled() {
  const source = newSource();
  const writer = await writerFor(source.target);
  await writer.write(Buffer.from(lines));
  await writer.finish(stateOf(source.path), body, report);
  return source;
}

/** Leaves an unfinished spool, as a process that was killed does. */
function leaveUnfinished(target: string, content: object | string, idleMs = 0): void {
  const path = `${target}.unfinished`;
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  const then = (Date.now() - idleMs) / 1000;
  utimesSync(path, then, then);
}

const self = thisOwner();
const hasProc = self.started !== '';
const ended = { ...self, pid: spawnSync('true').pid };

describe('a spool', () => {
  it('is next to its source, else in the user’s cache, or in the folder given', () => {
    const [near, cached] = spoolPaths('/data/x.csv', undefined, '');
    expect(near).toBe('/data/x.csv.verbatim-spool');
    expect(cached).toMatch(
      new RegExp(`^${process.env.XDG_CACHE_HOME || join(homedir(), '.cache')}/verbatim/x\\.csv-`),
    );
    expect(spoolPaths('/data/x.csv', '/spools', '')).toEqual([join('/spools', basename(cached as string))]);
  });

  it('never has a part at the path of an earlier one: a task of an abandoned spool may still write there', async () => {
    const { target } = newSource();
    const first = await writerFor(target);
    const part = first.newPartPath();
    await first.abandon();
    const second = await writerFor(target);
    expect(second.newPartPath()).not.toBe(part);
    await second.abandon();
  });

  it('has a path of its own for each source, and for each way to read it', () => {
    const ways = ['', 'a', 'b'].flatMap((reading) => [
      ...spoolPaths('/data/x.csv', undefined, reading),
      ...spoolPaths('/data/x.csv', '/spools', reading),
      ...spoolPaths('/other/x.csv', '/spools', reading),
    ]);
    expect(new Set(ways).size).toBe(ways.length);
  });

  it('holds lines that are read at any offset, and what they were made from', async () => {
    const { path, target } = await spooled();
    const spool = openSpool(target, stateOf(path));
    const { size } = statSync(target);
    expect(spool).toEqual({
      dataset: {
        file: stateOf(target),
        format: 'lines',
        body: { start: SPOOL_HEADER_BYTES, end: SPOOL_HEADER_BYTES + lines.length },
      },
      report: JSON.parse(JSON.stringify(report)),
    });
    expect(readFileSync(target, 'utf8').slice(SPOOL_HEADER_BYTES)).toBe(lines);
    expect(size).toBe(SPOOL_HEADER_BYTES + lines.length);
    expect(readdirSync(join(path, '..'))).toEqual(['data.csv', 'data.csv.verbatim-spool']);
  });

  it.each<[string, (path: string) => void]>([
    ['longer', (path) => appendFileSync(path, 'a,b\n')],
    ['written again', (path) => writeFileSync(path, 'prompt,reply\n')],
    ['dated back', (path) => utimesSync(path, 1, 1)],
    [
      'replaced',
      (path) => {
        writeFileSync(`${path}.new`, 'prompt,reply\n');
        renameSync(`${path}.new`, path);
      },
    ],
  ])('is not used once the source was %s', async (_how, change) => {
    const { path, target } = await spooled();
    expect(openSpool(target, stateOf(path))).toBeDefined();
    change(path);
    expect(openSpool(target, stateOf(path))).toBeUndefined();
  });

  it.each<[string, (target: string) => void]>([
    ['cut off in its header', (target) => truncateSync(target, SPOOL_HEADER_BYTES - 1)],
    ['empty', (target) => truncateSync(target, 0)],
    [
      'of another version',
      (target) => writeFileSync(target, readFileSync(target, 'utf8').replace(/"format":\d+,/, '"format":0,')),
    ],
    ['something else', (target) => writeFileSync(target, 'x'.repeat(SPOOL_HEADER_BYTES))],
  ])('is not used if it is %s', async (_what, spoil) => {
    const { path, target } = await spooled();
    spoil(target);
    expect(openSpool(target, stateOf(path))).toBeUndefined();
  });

  it('is not there yet while it is written', async () => {
    const { path, target } = newSource();
    const writer = await writerFor(target);
    await writer.write(Buffer.from(lines));
    expect(openSpool(target, stateOf(path))).toBeUndefined();
    expect(existsSync(`${target}.unfinished`)).toBe(true);
    await writer.abandon();
    expect(existsSync(`${target}.unfinished`)).toBe(false);
    expect(readdirSync(join(path, '..'))).toEqual(['data.csv']);
  });

  it('may be the unpacked file, and is being written all the time', async () => {
    const { path, target } = newSource();
    const writer = await writerFor(target);
    await writer.beginUnpacked();
    writeFileSync(writer.unpacked, Buffer.concat([Buffer.alloc(SPOOL_HEADER_BYTES), Buffer.from(lines)]));
    await writer.useUnpacked(SPOOL_HEADER_BYTES + lines.length);
    expect(existsSync(writer.unpacked)).toBe(false);
    expect(await SpoolWriter.begin(target, 0o644)).toBeUndefined();
    const { dataset } = await writer.finish(stateOf(path), body, report);
    expect(dataset.body.end).toBe(byteOffset(SPOOL_HEADER_BYTES + lines.length));
    expect(existsSync(`${target}.unfinished`)).toBe(false);
  });

  it('has the permissions that it is given', async () => {
    const { target } = newSource();
    const writer = (await SpoolWriter.begin(target, 0o600)) ?? expect.fail('expected a writer');
    expect(statSync(writer.path).mode & 0o777).toBe(0o600);
    await writer.abandon();
  });
});

describe('an unfinished spool', () => {
  it.each<[string, object | string, number]>([
    ['whose process has ended', ended, 0],
    ['of another machine, not touched for long', { ...self, system: 'another' }, 2 * SPOOL_IDLE_MS],
    ['of another machine with a clock that is ahead', { ...self, system: 'another' }, -2 * SPOOL_IDLE_MS],
    ['whose process is not working', self, 2 * SPOOL_IDLE_MS],
    ['that says nothing, not written to for long', '', 2 * SPOOL_IDLE_MS],
  ])('%s is replaced', async (_what, content, idleMs) => {
    const { target } = newSource();
    leaveUnfinished(target, content, idleMs);
    const writer = await writerFor(target);
    expect(JSON.parse(readFileSync(writer.path, 'utf8'))).toEqual(self);
    await writer.abandon();
  });

  it.runIf(hasProc).each([
    ['this process', process.pid],
    ['another process', process.ppid],
  ])('whose process had the id that %s has now is replaced', async (_which, pid) => {
    const { target } = newSource();
    leaveUnfinished(target, { ...self, pid, started: '1' });
    await (await writerFor(target)).abandon();
  });

  it.runIf(hasProc)('whose process is a zombie is replaced', async () => {
    // The shell's child ends, and the program that replaces the shell never asks for its status.
    const parent = spawn('sh', ['-c', 'sh -c "sleep 0.3; exec cat /proc/self/stat" & exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const [pid = ''] = String(line).split(' ');
    const started = String(line).trim().split(' ')[21] ?? '';
    while (/\) [^Z]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) await setImmediate();
    const { target } = newSource();
    leaveUnfinished(target, { ...self, pid: Number(pid), started });
    await (await writerFor(target)).abandon();
    parent.kill();
  });

  it.each<[string, object | string]>([
    ['whose process works', self],
    ['of another machine', { ...ended, system: 'another' }],
    ['that says nothing yet', ''],
    ['that is not JSON', '{"system'],
  ])('%s is left alone', async (_what, content) => {
    const { target } = newSource();
    leaveUnfinished(target, content);
    expect(await SpoolWriter.begin(target, 0o644)).toBeUndefined();
    expect(existsSync(`${target}.unfinished`)).toBe(true);
  });

  it('is touched while its process does other work', async () => {
    const { target } = newSource();
    const writer = await writerFor(target);
    utimesSync(writer.path, 1, 1);
    while (statSync(writer.path).mtimeMs < 2000) await setTimeout(10);
    expect(await SpoolWriter.begin(target, 0o644)).toBeUndefined();
    await writer.abandon();
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { prune } from '#dist/recordings/prune.js';
import { Recorder } from '#dist/recordings/recorder.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const childScript = fileURLToPath(new URL('./appending-child.mjs', import.meta.url));
const newPath = () => join(mkdtempSync(join(folder, 'of-')), 'recordings.jsonl');

const day = (date: number) => Date.UTC(2026, 10, date);
/** A recording as a recorder writes it, and as another program does. */
const line = (id: string, date: number, text = 'x') =>
  `{"id":"rec_${id}","messages":[{"role":"user","content":"${text}"}],"recorded_at":"${new Date(day(date)).toISOString()}"}`;
const spaced = (id: string, date: number) =>
  JSON.stringify(JSON.parse(line(id, date)), null, 1).replaceAll('\n', ' ');

function fileOf(lines: readonly string[], uses?: string): string {
  const path = newPath();
  writeFileSync(path, `${lines.join('\n')}\n`);
  if (uses !== undefined) writeFileSync(`${path}.used`, uses);
  return path;
}

const linesOf = (path: string) => readFileSync(path, 'utf8').trimEnd().split('\n');
const all = { beforeMs: undefined, isDry: false };

describe('pruning', () => {
  it('keeps the last of several recordings of a request, and all other lines once', async () => {
    const other = '{"id":"a","messages":[]}';
    const path = fileOf([
      line('1', 1),
      other,
      line('2', 2),
      '',
      line('1', 3, 'y'),
      spaced('2', 3),
      other,
      '{"id":"a"}',
    ]);
    expect(await prune(path, all)).toEqual({
      ...{ kept: 4, duplicates: 3, unused: 0, early: 0, cut: 0, hasJournal: false },
      droppedBytes: line('1', 1).length + other.length + line('2', 2).length + 3,
    });
    expect(linesOf(path)).toEqual([line('1', 3, 'y'), spaced('2', 3), other, '{"id":"a"}']);
    expect(readdirSync(dirname(path))).toEqual(['recordings.jsonl']);
  });

  it('drops what was never used, but not what was recorded after the last server began', async () => {
    const uses = [
      '2026-11-02T00:00:00.000Z "rec_2"',
      '2026-11-05T12:00:00.000Z "rec_2"',
      '2026-11-04T00:00:00.000Z "rec_gone"',
      '2026-11-09T00:00:00.000Z "cut',
      '2026-11-09T00:00:00.000Z "\\x"',
      '2026-99-01T00:00:00.000Z "rec_1"',
      '2026-11-31T00:00:00.000Z "rec_1"',
      '',
    ];
    const path = fileOf([line('1', 5), line('2', 1), line('3', 6), '{"id":"a"}'], uses.join('\n'));
    expect(await prune(path, all)).toMatchObject({ kept: 3, unused: 1, hasJournal: true });
    expect(linesOf(path)).toEqual([line('2', 1), line('3', 6), '{"id":"a"}']);
    expect(linesOf(`${path}.used`)).toEqual(['2026-11-05T12:00:00.000Z "rec_2"']);
    expect(statSync(`${path}.used`).mode & 0o777).toBe(0o600);
  });

  it('leaves a file as it is that has nothing to drop', async () => {
    const path = fileOf([line('1', 1), '', line('2', 1)]);
    const { ino } = statSync(path);
    expect(await prune(path, all)).toMatchObject({ kept: 2, droppedBytes: 0 });
    expect(statSync(path).ino).toBe(ino);
  });

  it('drops what was recorded before a date', async () => {
    const path = fileOf([line('1', 1), spaced('2', 2), line('3', 3)]);
    expect(await prune(path, { beforeMs: day(3), isDry: false })).toMatchObject({ kept: 1, early: 2 });
    expect(linesOf(path)).toEqual([line('3', 3)]);
  });

  it('changes nothing if it is only asked what it would drop', async () => {
    const lines = [line('1', 1), line('1', 2), line('2', 1), line('3', 1).slice(0, 40)];
    const path = fileOf(lines, '2026-11-05T12:00:00.000Z "rec_1"\n');
    const pruned = await prune(path, { beforeMs: undefined, isDry: true });
    expect(pruned).toMatchObject({ duplicates: 1, unused: 1, cut: 1 });
    expect(linesOf(path)).toEqual(lines);
    expect(existsSync(`${path}.cut`)).toBe(false);
  });

  it('keeps the permissions of the file, and the link that leads to it', async () => {
    const path = fileOf([line('1', 1), line('1', 2)]);
    const link = `${path}.link`;
    symlinkSync(path, link);
    const { mode } = statSync(path);
    await prune(link, all);
    expect(linesOf(link)).toEqual([line('1', 2)]);
    expect([statSync(path).mode, linesOf(path).length]).toEqual([mode, 1]);
  });

  it('counts a last line without a line feed, and ends it if the file is replaced', async () => {
    const path = newPath();
    const other = '{"id":"a","messages":[]}';
    writeFileSync(path, `${line('1', 1)}\n${other}\n${line('1', 2)}`);
    expect(await prune(path, { ...all, isDry: true })).toMatchObject({ kept: 2, duplicates: 1 });
    expect(await prune(path, all)).toMatchObject({ kept: 2, duplicates: 1 });
    expect(readFileSync(path, 'utf8')).toBe(`${other}\n${line('1', 2)}\n`);
    appendFileSync(path, other);
    expect(await prune(path, all)).toMatchObject({ duplicates: 1, droppedBytes: other.length + 1 });
    expect(readFileSync(path, 'utf8')).toBe(`${line('1', 2)}\n${other}\n`);
  });

  it('changes nothing after a signal', async () => {
    const path = fileOf([line('1', 1), line('1', 2)]);
    await expect(prune(path, all, AbortSignal.abort('SIGINT'))).rejects.toBe('SIGINT');
    expect(linesOf(path)).toHaveLength(2);
  });

  it('moves what a crash has cut aside', async () => {
    const path = fileOf([line('1', 1), line('2', 1).slice(0, 40), line('1', 1)]);
    expect(await prune(path, all)).toMatchObject({ kept: 1, duplicates: 1, cut: 1 });
    expect(linesOf(`${path}.cut`)).toEqual([line('2', 1).slice(0, 40)]);
  });

  it('refuses what is no file of recordings', async () => {
    await expect(prune(join(folder, 'none'), all)).rejects.toThrow(
      `${join(folder, 'none')}: there is no such file`,
    );
    await expect(prune(folder, all)).rejects.toThrow("it isn't a regular file");
    await expect(prune(fileOf(['{', '}', '}']), all)).rejects.toThrow("line 2 isn't a JSON object");
  });

  it('loses nothing that is appended meanwhile', async () => {
    const path = newPath();
    const child = spawn(process.execPath, [childScript, path, 'a', '3000', '3000'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let hasEnded = false;
    const ended = once(child, 'close').then(() => {
      hasEnded = true;
    });
    child.stdout.resume();
    await once(child.stdout, 'data');
    let count = 0;
    const inodes = new Set<number>();
    while (!hasEnded) {
      appendFileSync(path, `${line('b', 1)}\n`.repeat(2));
      await prune(path, all);
      inodes.add(statSync(path).ino);
      count++;
    }
    await ended;
    expect(count).toBeGreaterThan(5);
    expect(inodes.size).toBeGreaterThan(1);
    await prune(path, all);
    const ids = linesOf(path).map((each) => (JSON.parse(each) as { id: string }).id);
    expect(ids.sort()).toEqual(['rec_b', ...Array.from({ length: 3000 }, (_, i) => `rec_a_${i}`)].sort());
  });

  it('leaves a recorder in place that was open: it goes on in the new file', async () => {
    const path = fileOf([line('1', 1), line('1', 2)]);
    const recorder = await Recorder.open(path, { redact: [], notices: () => {} });
    await prune(path, all);
    const reply = { role: 'assistant', content: 'a' };
    const about = { finishReason: 'stop', usage: undefined, model: undefined, upstream: 'x', recordedMs: 0 };
    await recorder.append({ id: 'rec_9', messages: [], reply, ...about });
    await recorder.close();
    expect(linesOf(path).map((each) => (JSON.parse(each) as { id: string }).id)).toEqual(['rec_1', 'rec_9']);
  });
});

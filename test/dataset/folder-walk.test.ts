import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { PartsFinder } from '#dist/dataset/parts.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const LONG_AGO = new Date('2020-01-01');

function folderOf(...names: readonly string[]): string {
  const path = mkdtempSync(join(folder, 'of-'));
  mkdirSync(join(path, 'deep'));
  for (const name of names) writeFileSync(join(path, name), '');
  return path;
}

it('files that are added, renamed or removed are found, in the order of their names', async () => {
  const path = folderOf('b.jsonl', 'deep/c.jsonl');
  const finder = new PartsFinder(path, []);
  const found = async () => (await finder.find()).files.map((file) => relative(path, file));
  expect(await found()).toEqual(['b.jsonl', 'deep/c.jsonl']);
  writeFileSync(join(path, 'a.jsonl'), '');
  expect(await found()).toEqual(['a.jsonl', 'b.jsonl', 'deep/c.jsonl']);
  renameSync(join(path, 'deep/c.jsonl'), join(path, 'deep/d.jsonl'));
  expect(await found()).toEqual(['a.jsonl', 'b.jsonl', 'deep/d.jsonl']);
  rmSync(join(path, 'deep'), { recursive: true });
  expect(await found()).toEqual(['a.jsonl', 'b.jsonl']);
});

it('folders that have not changed are not read again', async () => {
  const path = folderOf('b.jsonl', 'deep/c.jsonl');
  const before = [path, join(path, 'deep')];
  for (const each of before) utimesSync(each, LONG_AGO, LONG_AGO);
  const finder = new PartsFinder(path, []);
  const parts = await finder.find();
  expect(await finder.find()).toBe(parts);
  writeFileSync(join(path, 'deep/a.jsonl'), '');
  expect((await finder.find()).files).toHaveLength(3);
});

it('a folder that has changed just now is read again: its time may not show the next change', async () => {
  const path = folderOf('b.jsonl');
  const soon = new Date(Date.now() + 3_600_000);
  utimesSync(path, soon, soon);
  const finder = new PartsFinder(path, []);
  expect(await finder.find()).not.toBe(await finder.find());
});

it('a README.md that names other files is noticed', async () => {
  const card = (name: string) => `---\nconfigs:\n- data_files: ${name}\n---\n`;
  const path = folderOf('a.jsonl', 'b.jsonl');
  writeFileSync(join(path, 'README.md'), card('a.jsonl'));
  utimesSync(path, LONG_AGO, LONG_AGO);
  const finder = new PartsFinder(path, []);
  expect((await finder.find()).files).toEqual([join(path, 'a.jsonl')]);
  writeFileSync(join(path, 'README.md'), card('"*.jsonl"'));
  expect((await finder.find()).files).toHaveLength(2);
});

it('a link to another folder is followed, also after it was changed', async () => {
  const path = folderOf();
  const link = join(path, 'link');
  symlinkSync(folderOf('a.jsonl'), link);
  const finder = new PartsFinder(path, []);
  expect((await finder.find()).files).toEqual([join(link, 'a.jsonl')]);
  rmSync(link);
  symlinkSync(folderOf('b.jsonl'), link);
  expect((await finder.find()).files).toEqual([join(link, 'b.jsonl')]);
});

it('other work goes on while a large folder is read', async () => {
  const path = folderOf(...Array.from({ length: 5000 }, (_, i) => `${i}.jsonl`));
  let isOver = false;
  const found = new PartsFinder(path, []).find().finally(() => {
    isOver = true;
  });
  let turns = 0;
  for (; !isOver; turns++) await setImmediate();
  expect((await found).files).toHaveLength(5000);
  expect(turns).toBeGreaterThan(5);
});

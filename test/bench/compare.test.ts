import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compare } from '../../bench/http/compare.js';
import { type CompareOptions, readOptions } from '../../bench/options.js';
import { figureOf, type Results } from '../../bench/results.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();

function results(name: string, figures: Results['figures']): string {
  const path = join(folder, `${name}.json`);
  const circumstances = { date: '2026-01-01', machine: 'here', commit: name };
  writeFileSync(path, JSON.stringify({ version: 1, circumstances, figures }));
  return path;
}

function optionsOf(...names: string[]): CompareOptions {
  return readOptions(['compare', ...names]) as CompareOptions;
}

const before = results('before', [
  ...figureOf('a / requests per second', '/s', [90, 100, 120]),
  ...figureOf('a / p50', 'ms', [2]),
  ...figureOf('gone', 'MB', [1]),
]);
const after = results('after', [
  ...figureOf('a / p50', 'ms', [0.5]),
  ...figureOf('a / requests per second', '/s', [260, 250, 240]),
]);

describe('compare', () => {
  it('shows each figure of the second result as a ratio to the first, with the spread of the rounds', async () => {
    const text = await compare(optionsOf(before, after));
    expect(text.split('\n').filter((line) => line.startsWith('| a /'))).toEqual([
      '| a / p50 | ms | 2 | 0.5 | 0.250 |  |  |',
      '| a / requests per second | /s | 100 | 250 | 2.500 | 0.90–1.20 | 0.96–1.04 |',
    ]);
    expect(text).toContain('1 figure is in one of both only.');
    expect(text).not.toContain('gone');
  });

  it('names a file that is not a results file', async () => {
    const other = join(folder, 'other.json');
    writeFileSync(other, '[]');
    await expect(compare(optionsOf(before, other))).rejects.toThrow(`${other}: expected a results file`);
  });

  it('rejects a name that is not a commit', async () => {
    await expect(compare(optionsOf('HEAD', 'no-such-commit'))).rejects.toThrow(
      "expected two commits or two results files, and 'no-such-commit' is neither",
    );
  });
});

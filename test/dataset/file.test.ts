import { appendFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileChangedError, identityOf, withFile } from '#dist/dataset/file.js';
import { temporaryFolder } from '../support/temporary.js';

const path = join(temporaryFolder(), 'file.json');

function written(): ReturnType<typeof identityOf> {
  writeFileSync(path, '[]');
  return identityOf(path, statSync(path));
}

describe('a file that is written to while it is used', () => {
  it.each([
    ['a result', () => 'result'],
    ['an error', () => expect.fail('an error')],
  ])('gives neither: not %s', (_what, use) => {
    const change = () => {
      appendFileSync(path, ' ');
      return use();
    };
    expect(() => withFile(written(), change)).toThrow(FileChangedError);
  });

  it('gives what came of it if it was not', () => {
    expect(withFile(written(), () => 'result')).toBe('result');
    expect(() => withFile(written(), () => expect.fail('an error'))).toThrow('an error');
  });
});

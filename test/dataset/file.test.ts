import { appendFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileChangedError, identityOf, withFile, withFileInSteps } from '#dist/dataset/file.js';
import { temporaryFolder } from '../support/temporary.js';

const path = join(temporaryFolder(), 'file.json');

function written(): ReturnType<typeof identityOf> {
  writeFileSync(path, '[]');
  return identityOf(path, statSync(path));
}

describe('a file that may be written to while it is used', () => {
  it.each([
    ['a result', () => 'result'],
    ['an error', () => expect.fail('an error')],
  ])('throws instead of returning %s', (_what, use) => {
    const change = () => {
      appendFileSync(path, ' ');
      return use();
    };
    expect(() => withFile(written(), change)).toThrow(FileChangedError);
    const steps = function* () {
      yield;
      return change();
    };
    expect(() => [...withFileInSteps(written(), steps)]).toThrow(FileChangedError);
  });

  it('returns the result, or throws the error, if it was not written to', () => {
    expect(withFile(written(), () => 'result')).toBe('result');
    expect(() => withFile(written(), () => expect.fail('an error'))).toThrow('an error');
  });
});

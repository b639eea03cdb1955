import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from '../support/project.js';

it.each(['kernel.wasm', 'tokenizer.wasm'])(
  'src/kernel/%s is compiled from the current source (`npm run kernel` updates it)',
  (name) => {
    // The build has compiled it for these tests.
    const [committed, compiled] = ['src', 'dist'].map((folder) =>
      readFileSync(join(ROOT, folder, 'kernel', name)),
    );
    expect(committed?.equals(compiled as Buffer)).toBe(true);
  },
);

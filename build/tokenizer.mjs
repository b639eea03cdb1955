/**
 * Copies what the server needs of gpt-tokenizer into dist/gpt-tokenizer: two encodings, and the modules that they import. The whole
 * package is 30 MB: it has each encoding three times over, and others.
 */

import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const PACKAGE = 'node_modules/gpt-tokenizer';
const TARGET = 'dist/gpt-tokenizer';
const ENTRIES = [
  'encoding/o200k_base.js',
  'encoding/cl100k_base.js',
  'bpeRanks/o200k_base.js',
  'bpeRanks/cl100k_base.js',
  'encodingParams/constants.js',
];

/** Imported modules are appended while the loop runs. */
const modules = new Set(ENTRIES);
for (const module of modules) {
  const source = join(PACKAGE, 'esm', module);
  for (const [, specifier] of readFileSync(source, 'utf8').matchAll(
    /^(?:im|ex)port\b[^'"\n]*["'](\.[^'"]+)["']/gm,
  )) {
    modules.add(join(dirname(module), specifier));
  }
  // The compiler reads the declarations. They aren't published.
  for (const name of [module, module.replace(/\.js$/, '.d.ts')]) {
    const file = join(PACKAGE, 'esm', name);
    if (!existsSync(file)) continue;
    mkdirSync(dirname(join(TARGET, name)), { recursive: true });
    copyFileSync(file, join(TARGET, name));
  }
}
copyFileSync(join(PACKAGE, 'LICENSE'), join(TARGET, 'LICENSE'));

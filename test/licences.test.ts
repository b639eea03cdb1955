/** Whose terms users come under. `npm run licences` writes the list anew; look at every line that changes. */

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT, read } from './support/project.js';

/** Licences that ask for no more than to be named. */
const PERMISSIVE = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Unlicense',
];

/** Packages that the build takes something out of, which is then part of `dist/`. */
const BUILT_IN = ['ajv', 'assemblyscript', 'swagger-ui-dist'];

interface LockEntry {
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly license?: string;
}

const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, LockEntry> };

/** What users get: every package that is installed with this one, on any system, and what is built in. */
const packages = Object.entries(lock.packages)
  .map(([path, entry]) => ({ ...entry, path, name: path.replace(/^.*node_modules\//, '') }))
  .filter(({ path, name, dev, devOptional }) => {
    const isInstalled = path !== '' && !dev && !devOptional;
    return isInstalled || (BUILT_IN.includes(name) && path === `node_modules/${name}`);
  });

function list(): string {
  const rows = packages.map(
    ({ name, license, dev }) => `| ${name} | ${license} | ${dev ? 'built in' : 'installed'} |`,
  );
  return [
    '# Licences',
    '',
    'What comes with verbatim, on one system or another, and under whose terms. `npm run licences` writes this list. The page of the',
    'API is built of more, which `dist/docs/swagger-ui-bundle.js.LICENSE.txt` names.',
    '',
    '| package | licence | how it comes |',
    '|---|---|---|',
    ...new Set(rows.sort()),
    '',
  ].join('\n');
}

it('all that users get is under a licence that asks for no more than to be named', () => {
  expect(packages.length).toBeGreaterThan(BUILT_IN.length);
  expect(packages.filter(({ license }) => !PERMISSIVE.includes(license ?? ''))).toEqual([]);
});

it('the lock file names the licences that the packages themselves do', () => {
  const installed = packages.filter(({ path }) => existsSync(join(ROOT, path)));
  expect(installed.length).toBeGreaterThan(BUILT_IN.length);
  for (const { path, license } of installed) {
    const manifest = JSON.parse(read(join(path, 'package.json'))) as { license?: string };
    expect(manifest.license, path).toBe(license);
  }
});

it('docs/licences.md lists them', () => {
  if (process.env.UPDATE_LICENCES === '1') writeFileSync(join(ROOT, 'docs', 'licences.md'), list());
  expect(read('docs/licences.md')).toBe(list());
});

/** The licence terms that apply to users. `npm run licences` rewrites the list; review every line that changes. */

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT, read } from './support/project.js';

/** Licences that require only attribution. */
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

/** Packages from which the build copies something into `dist/`. */
const BUILT_IN = [
  '@preact/signals',
  '@preact/signals-core',
  'ajv',
  'assemblyscript',
  'entities',
  'gpt-tokenizer',
  'highlight.js',
  'linkify-it',
  'markdown-it',
  'mdurl',
  'preact',
  'punycode.js',
  'swagger-ui-dist',
  'uc.micro',
].map((name) => `node_modules/${name}`);

interface LockEntry {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly license?: string;
  readonly link?: boolean;
  readonly resolved?: string;
  readonly integrity?: string;
}

/** By folder. */
const locked = (JSON.parse(read('package-lock.json')) as { packages: Record<string, LockEntry> }).packages;

/** The folders of all packages installed with this one, on any system. */
function installedPaths(): Set<string> {
  const paths = new Set(['']);
  for (const path of paths) {
    const { dependencies, optionalDependencies } = locked[path] ?? {};
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      paths.add(pathOf(name, path));
    }
  }
  paths.delete('');
  return paths;
}

/** Where a package resolves another: in its own folder, or in the nearest one above. */
function pathOf(name: string, from: string): string {
  for (let folder = from; ; folder = folder.replace(/(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+$/, '')) {
    const path = join(folder, 'node_modules', name);
    if (path in locked) return path;
    if (folder === '') throw new Error(`${from || 'the project'} depends on ${name}, which is not locked`);
  }
}

const installed = installedPaths();

/** The files that users install. */
const packages = [...new Set([...installed, ...BUILT_IN])].map((path) => ({
  path,
  name: path.replace(/^.*node_modules\//, ''),
  license: locked[path]?.license,
  how: installed.has(path) ? 'installed' : 'built in',
}));

function list(): string {
  const rows = packages.map(({ name, license, how }) => `| ${name} | ${license} | ${how} |`);
  return [
    '# Licences',
    '',
    'What comes with verbatim, on one system or another, and under whose terms. `npm run licences` writes this list. The page of the',
    'API is built of more, which `dist/docs/swagger-ui-bundle.js.LICENSE.txt` names. `dist/web/licences.md` has the texts for the page',
    'at `/`.',
    '',
    '| package | licence | how it comes |',
    '|---|---|---|',
    ...new Set(rows.sort()),
    '',
  ].join('\n');
}

it('everything that users get is under a permissive licence', () => {
  expect(packages.length).toBeGreaterThan(BUILT_IN.length);
  expect(packages.filter(({ license }) => !PERMISSIVE.includes(license ?? ''))).toEqual([]);
});

it('the lock file has the licences that the packages declare', () => {
  const present = packages.filter(({ path }) => existsSync(join(ROOT, path)));
  expect(present.length).toBeGreaterThan(BUILT_IN.length);
  for (const { path, license } of present) {
    const manifest = JSON.parse(read(join(path, 'package.json'))) as { license?: string };
    expect(manifest.license, path).toBe(license);
  }
});

it("the lock file has the URL of each package, which halves npm's requests", () => {
  const wrong = Object.entries(locked).filter(
    ([path, { link, resolved = '', integrity }]) =>
      path.includes('node_modules/') &&
      !link &&
      !(resolved.startsWith('https://registry.npmjs.org/') && integrity?.startsWith('sha512-')),
  );
  expect(wrong.map(([path]) => path)).toEqual([]);
});

it('docs/licences.md lists them', () => {
  if (process.env.UPDATE_LICENCES === '1') writeFileSync(join(ROOT, 'docs', 'licences.md'), list());
  expect(read('docs/licences.md')).toBe(list());
});

/** The examples, as users run them: with the package as npm builds it. */

import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { npm, pack } from '../support/packed.js';
import { ROOT, read } from '../support/project.js';
import { temporaryFolder } from '../support/temporary.js';

const NAMES = ['vitest', 'jest', 'playwright'];

const folder = temporaryFolder();
const home = join(folder, 'home');

/** Packages that the examples need, with the versions that they ask for. */
function packages(): readonly string[] {
  const needed = NAMES.map((name) => JSON.parse(read(`examples/${name}/package.json`)) as Manifest);
  const all = Object.assign(
    {},
    ...needed.map(({ devDependencies }) => devDependencies),
  ) as Manifest['devDependencies'];
  return Object.entries(all)
    .filter(([name]) => name !== 'verbatim-llm')
    .map(([name, version]) => `${name}@${version}`);
}

interface Manifest {
  readonly devDependencies: Readonly<Record<string, string>>;
}

beforeAll(async () => {
  const { path } = await pack(folder);
  mkdirSync(home);
  writeFileSync(join(home, 'package.json'), '{ "private": true }');
  await npm(['install', '--no-audit', '--no-fund', path, ...packages()], home);
  const readme = join(home, 'readme');
  mkdirSync(readme);
  const [, test = ''] =
    /```js\n(import OpenAI [\s\S]*?from 'vitest'[\s\S]*?)```/.exec(read('README.md')) ?? [];
  writeFileSync(join(readme, 'chat.test.js'), test);
  for (const name of NAMES) cpSync(join(ROOT, 'examples', name), join(home, name), { recursive: true });
});

it.each([
  ['vitest', ['node_modules/vitest/vitest.mjs', 'run'], /3 passed/],
  ['readme', ['node_modules/vitest/vitest.mjs', 'run'], /1 passed/],
  ['jest', ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js'], /3 passed/],
  ['playwright', ['node_modules/@playwright/test/cli.js', 'test'], /2 passed/],
])('%s passes', async (name, [first = '', ...rest], passed) => {
  const args = [first, ...rest].map((part) => (part.startsWith('node_modules') ? join('..', part) : part));
  const env = { ...process.env, CHROMIUM: '/usr/bin/chromium', NO_COLOR: '1', CI: '1' };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
    cwd: join(home, name),
    env,
  });
  expect(stdout + stderr).toMatch(passed);
});

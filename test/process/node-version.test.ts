import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { read, VERSION } from '../support/project.js';
import { ServerProcess } from '../support/server-process.js';

const command = fileURLToPath(new URL('../../dist/bundle/bin.js', import.meta.url));

/** Runs the command in a process that reports another Node.js version. */
function runAs(version: string): ServerProcess {
  const disguise = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
  return new ServerProcess(process.execPath, [
    '--import',
    `data:text/javascript,${disguise}`,
    command,
    '--version',
  ]);
}

it.each(['18.20.8', '20.18.3'])('Node.js %s gets one line with the required version', async (version) => {
  const old = runAs(version);
  expect(await old.exited).toBe(1);
  expect(old.stderr).toBe(`verbatim: expected Node.js 20.19 or newer, found ${version}\n`);
  expect(old.stdout).toBe('');
});

it.each(['20.19.0', '100.1.0'])('Node.js %s runs the program', async (version) => {
  const recent = runAs(version);
  expect(await recent.exited).toBe(0);
  expect(recent.stdout).toBe(`${VERSION}\n`);
});

it("the command checks the version before it loads code that older versions can't parse", () => {
  const imports = (file: string) =>
    [...readFileSync(file, 'utf8').matchAll(/^import .*?"([^"]+)";$/gm)].map(([, name = '']) => name);
  const [manifest = '', ...others] = imports(command);
  expect([manifest, ...others]).toEqual([expect.stringMatching(/^\.\/manifest-[\w-]+\.js$/)]);
  expect(imports(join(command, '..', manifest))).toEqual(['node:fs']);
  expect(JSON.parse(read('package.json')).bin).toEqual({ verbatim: 'dist/bundle/bin.js' });
});

import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { OFFLINE_FIRST, shelvedNpm } from '../support/npm.js';
import { npm } from '../support/packed.js';
import { VERSION } from '../support/project.js';
import { ServerProcess } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = temporaryFolder();
const clone = join(folder, 'clone with spaces');

/** A copy of the tree as a fresh clone: without installed packages and build output. */
beforeAll(() => {
  const left = ['node_modules', 'dist', '.git'].map((name) => join(root, name));
  cpSync(root, clone, { recursive: true, filter: (path) => !left.includes(path) });
});

/** The first install and build are npm's own; later ones have the same lock file and sources, and would give the same result. */
let env: Record<string, string> = OFFLINE_FIRST;

/** Starts with the script, from another folder; returns its output before the server listens. */
async function start(...args: string[]): Promise<string> {
  const server = new ServerProcess('bash', [join(clone, 'start.sh'), ...args], env, folder);
  await server.waitFor(/^try: /m);
  server.kill('SIGTERM');
  // The script has replaced itself with the server: the signal stops it gracefully.
  expect(await server.exited).toBe(0);
  // What npm prints.
  expect(server.stderr).not.toMatch(/^(?:added|up to date)/m);
  return (
    server.stderr
      .split('\n')
      .filter((line) => line.startsWith('verbatim: '))
      .join('\n') + server.stdout.split(', engine')[0]
  );
}

/** Runs the script to its end. */
function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync('bash', [join(clone, 'start.sh'), ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('start.sh', () => {
  it.each([
    [['missing.json'], 'missing.json'],
    [['gpt-4o=no/such'], 'no/such'],
    [['--port', '0', '--host=127.0.0.1', 'a=missing.json'], 'missing.json'],
    [['check', 'missing.jsonl'], 'missing.jsonl'],
  ])('reports a missing file before it installs anything: %j', (args, file) => {
    const stderr = `verbatim: ${file}: there is no such file\n`;
    expect(run(...args)).toEqual({ status: 1, stdout: '', stderr });
    expect(existsSync(join(clone, 'node_modules'))).toBe(false);
  });

  it('installs what the server and its build need, and builds what is missing or out of date', async () => {
    const served = `verbatim serves ${join(clone, 'data', 'sample.json')}`;
    expect(await start()).toMatch(
      new RegExp(
        `^verbatim: installing.*\n(?:verbatim: installing, \\d+ MB so far\n)*verbatim: building${served}`,
      ),
    );
    const { devDependencies, scripts } = JSON.parse(readFileSync(join(clone, 'package.json'), 'utf8')) as {
      devDependencies: Record<string, string>;
      scripts: Record<string, string>;
    };
    const isInstalled = (name: string) => existsSync(join(clone, 'node_modules', name));
    expect(Object.keys(devDependencies).filter(isInstalled)).toEqual([]);
    // The package is what was built with what is installed now: without the compiler of the kernel.
    expect(readFileSync(join(clone, 'start.sh'), 'utf8')).toContain(
      String(scripts.prepack).replace('npm ', 'npm --prefix "$root" '),
    );
    await npm(['pack', '--ignore-scripts', '--pack-destination', folder], clone);
    const packed = execFileSync('tar', ['-tf', join(folder, `verbatim-llm-${VERSION}.tgz`)], {
      encoding: 'utf8',
    });
    expect(packed).toContain('package/dist/kernel/kernel.wasm\n');
    const build = join(folder, 'built');
    cpSync(join(clone, 'dist'), build, { recursive: true });
    env = shelvedNpm(join(folder, 'bin'), build);

    cpSync(join(root, 'test', 'golden', 'dataset.json'), join(folder, 'my.json'));
    const second = await start('my.json', '--workers', '4', '--port', '0');
    expect(second).toMatch(/^verbatim serves my\.json: .*, 3 conversations, 9 turns, 4 workers$/);

    const pattern = await start('./*y.json', '--workers', '1', '--port', '0');
    expect(pattern).toMatch(/^verbatim serves \.\/\*y\.json: .*, 3 conversations, 9 turns/);
    const mapped = await start('my.json?prompt=a,reply=b', '--workers', '1', '--port', '0');
    expect(mapped).toMatch(/verbatim serves my\.json: .*, 3 conversations, 9 turns/);

    const built = statSync(join(clone, 'dist', 'bundle', 'bin.js')).mtime;
    const now = new Date();
    utimesSync(join(clone, 'src', 'index.ts'), now, now);
    expect(run('--help')).toMatchObject({ status: 0, stderr: '', stdout: expect.stringMatching(/^Usage: /) });
    expect(await start('--host', '127.0.0.1')).toMatch(/^verbatim: buildingverbatim serves/);
    expect(statSync(join(clone, 'dist', 'bundle', 'bin.js')).mtime.getTime()).toBeGreaterThan(
      built.getTime(),
    );

    rmSync(join(clone, 'node_modules', '.package-lock.json'));
    expect(await start()).toMatch(/^verbatim: installing.*\n(?:.* so far\n)*verbatim: building/);
  });
});

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { validate } from 'dockerfile-utils';
import { beforeAll, describe, expect, it } from 'vitest';
import { IMAGE, rehearse } from '../support/image.js';
import { shelvedNpm } from '../support/npm.js';
import { read, SETTINGS } from '../support/project.js';
import { ServerProcess } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';

describe('the Dockerfile', () => {
  it('passes the linter', () => {
    const problems = validate(read('deploy/Dockerfile')).map(({ message, range }) => [
      range.start.line,
      message,
    ]);
    expect(problems).toEqual([]);
  });

  it('has one base, of a major version of Node that is in long-term support', () => {
    const [base, ...others] = new Set(IMAGE.bases);
    expect(others).toEqual([]);
    const major = Number(/^node:(\d+)-bookworm-slim$/.exec(base ?? '')?.[1]);
    expect(major).toBeGreaterThanOrEqual(20);
    expect(major % 2).toBe(0);
  });

  it('sets only known settings, which agree with its port and folders', () => {
    const { NODE_ENV, ...settings } = IMAGE.env;
    expect(NODE_ENV).toBe('production');
    expect(SETTINGS).toEqual(expect.arrayContaining(Object.keys(settings)));
    expect(settings.HOST).toBe('0.0.0.0');
    expect(Number(settings.PORT)).toBe(IMAGE.port);
    expect(IMAGE.volumes).toEqual(['/data', settings.INDEX_DIR]);
  });

  it('stops the server with a signal that it handles, and runs it as a user other than root', () => {
    expect(IMAGE.stopSignal).toBe('SIGTERM');
    expect(IMAGE.user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });
});

describe('what the Dockerfile makes', () => {
  const folder = temporaryFolder();
  let root: string;
  beforeAll(async () => {
    root = await rehearse(folder, shelvedNpm(join(temporaryFolder(), 'bin')));
    // Users other than root may enter: the server runs as one.
    chmodSync(folder, 0o755);
  });

  /** A path of the image, or a word that is one. */
  const inImage = (word: string) => (word.startsWith('/') ? join(root, word) : word);

  /** Runs as the image's user, who may write only to the volume. */
  function asUser(command: readonly string[]): string[] {
    const words = command.map(inImage);
    if (process.getuid?.() !== 0) return words;
    const [user, group] = IMAGE.user.split(':');
    return ['setpriv', `--reuid=${user}`, `--regid=${group}`, '--clear-groups', '--', ...words];
  }

  it('holds what the server needs, and no development packages', () => {
    expect(readdirSync(join(root, 'app')).sort()).toEqual([
      'LICENSE',
      'data',
      'dist',
      'node_modules',
      'package.json',
    ]);
    const [server, build] = ['package.json', 'build/package.json'].map(
      (path) => JSON.parse(read(path)) as Record<string, Record<string, string>>,
    );
    const isThere = (name: string) => existsSync(join(root, 'app', 'node_modules', name));
    expect(Object.keys(server?.dependencies ?? {}).filter((name) => !isThere(name))).toEqual([]);
    const unneeded = { ...server?.devDependencies, ...build?.dependencies };
    expect(Object.keys(unneeded).filter(isThere)).toEqual([]);
  });

  it('holds of the build what the package does, except types', () => {
    const { files } = JSON.parse(read('package.json')) as { readonly files: readonly string[] };
    const expected = files.filter((path) => path.startsWith('dist/') && !path.endsWith('.d.ts'));
    const app = join(root, 'app');
    expect(expected.filter((path) => !existsSync(join(app, path)))).toEqual([]);
    const built = readdirSync(join(app, 'dist'), { recursive: true }).map((name) => `dist/${name}`);
    const isExpected = (path: string) => expected.some((each) => `${path}/`.startsWith(`${each}/`));
    const others = built.filter((path) => statSync(join(app, path)).isFile() && !isExpected(path));
    expect(others).toEqual([]);
  });

  it('serves, is healthy only while it does, keeps its index, and stops cleanly', async () => {
    const [command = '', ...args] = asUser(IMAGE.entrypoint);
    const indexDir = inImage(IMAGE.env.INDEX_DIR ?? '');
    mkdirSync(join(folder, 'nothing'));
    const surroundings = { HOME: join(folder, 'nothing'), TMPDIR: join(folder, 'nothing') };
    const env = { ...IMAGE.env, ...surroundings, PORT: '0', INDEX_DIR: indexDir, LOG_LEVEL: 'debug' };
    const server = new ServerProcess(command, args, env, join(root, 'app'));
    const { port } = new URL(await server.url());
    await server.waitFor(/index saved/, 'stderr');
    expect(readdirSync(indexDir)).toHaveLength(1);
    expect(server.stdout).toMatch(/verbatim serves .*data\/sample\.json/);

    const [program = '', ...checkArgs] = asUser(IMAGE.healthcheck);
    const check = () => spawnSync(program, checkArgs, { env: { ...process.env, PORT: port } }).status;
    expect(check()).toBe(0);
    server.kill(IMAGE.stopSignal as NodeJS.Signals);
    expect(await server.exited).toBe(0);
    expect(check()).toBe(1);
  });
});

/** The package, as npm builds it and as users install it: alone, then with what the examples need besides. */

import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { npm, type Packed, pack } from '../support/packed.js';
import { ROOT, read, VERSION } from '../support/project.js';
import { ServerProcess } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const home = join(folder, 'home');
let packed: Packed;

beforeAll(async () => {
  packed = await pack(folder);
  mkdirSync(home);
  await npm(['install', '--prefix', '.', '--no-audit', '--no-fund', packed.path], home);
});

const filesIn = (path: string) =>
  readdirSync(join(ROOT, path), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length));

describe('the package', () => {
  it('has the program, the sample and the documents, and nothing else', () => {
    const made = [
      'dist/index.d.ts',
      'dist/kernel/kernel.wasm',
      'dist/kernel/tokenizer.wasm',
      'dist/testing/types.d.ts',
      ...filesIn('dist/bundle'),
      ...filesIn('dist/docs'),
      ...filesIn('dist/web'),
      ...filesIn('dist/vocabularies'),
    ];
    const others = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json', 'data/sample.json'];
    expect(packed.files).toEqual([...made, ...others, ...filesIn('docs')].sort());
  });

  it('imports only packages that it installs', () => {
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: object };
    const asked = packed.files
      .filter((path) => path.endsWith('.js') && !/^dist\/(?:docs|web)\//.test(path))
      .flatMap((path) => [
        ...readFileSync(join(home, 'node_modules', 'verbatim-llm', path), 'utf8').matchAll(
          /\b(?:from\s+|import\s*\(?|createRequire\(.*?\)\(|loaded\()["']([@\w][^"']*)["']/g,
        ),
      ])
      .map(([, name = '']) => name)
      .filter((name) => !name.startsWith('node:'));
    const packages = new Set(asked.map((name) => /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0]));
    expect([...packages].sort()).toEqual(Object.keys(dependencies).sort());
  });
});

describe('the library', () => {
  const program = `
    import { ConfigError, serve, type ServeOptions, type VerbatimServer } from 'verbatim-llm';
    async function main(): Promise<void> {
      const options: ServeOptions = { usage: 'estimate' };
      const server: VerbatimServer = await serve(options);
      const { status } = await fetch(server.baseURL + '/models');
      console.log(status, server.models.join());
      await server[Symbol.asyncDispose]();
      const error: unknown = await serve({ port: -1 }).catch((error: unknown) => error);
      if (error instanceof ConfigError) console.log(error.name satisfies 'ConfigError', error.message);
    }
    void main();
  `;

  it.each(['module', 'commonjs'])(
    'is compiled and used by TypeScript in a package of type %s',
    async (type) => {
      const project = join(home, type);
      mkdirSync(project);
      writeFileSync(join(project, 'package.json'), JSON.stringify({ type }));
      writeFileSync(join(project, 'program.ts'), program);
      // A project without Node.js types.
      const options = [
        '--strict',
        '--module',
        'nodenext',
        '--lib',
        'es2022,dom',
        '--types',
        '',
        '--ignoreConfig',
      ];
      const compiler = join(ROOT, 'node_modules', '.bin', 'tsc');
      execFileSync(compiler, [...options, 'program.ts'], { cwd: project, encoding: 'utf8' });
      expect(readFileSync(join(project, 'program.js'), 'utf8').includes('require(')).toBe(
        type === 'commonjs',
      );
      const said = execFileSync(process.execPath, ['program.js'], { cwd: project, encoding: 'utf8' });
      expect(said).toBe("200 sample\nConfigError port: expected a whole number from 0 to 65535, got '-1'\n");
    },
  );

  it('exports serve and its errors, and nothing else', () => {
    const said = execFileSync(
      process.execPath,
      [
        '--print',
        "const e = (s) => { try { return Object.keys(require(s)) } catch ({ code }) { return code } }; JSON.stringify([e('verbatim-llm'), e('verbatim-llm/dist/settings/table.js')])",
      ],
      { cwd: home, encoding: 'utf8' },
    );
    expect(JSON.parse(said)).toEqual([
      ['ConfigError', 'DatasetError', 'ListenError', 'serve'],
      'ERR_PACKAGE_PATH_NOT_EXPORTED',
    ]);
  });
});

describe('installed in an empty folder, npx verbatim-llm', () => {
  it('prints its version', () => {
    const said = execFileSync('npx', ['verbatim-llm', '--version'], { cwd: home, encoding: 'utf8' });
    expect(said.trim()).toBe(VERSION);
  });

  it('serves the sample and the page of the API, and ends with exit code 0 at SIGTERM', async () => {
    // npx sends the signal to a shell: Bash has been replaced by the server by then, other shells would orphan it.
    const env = { npm_config_script_shell: 'bash' };
    const server = new ServerProcess('npx', ['verbatim-llm', '--port', '0'], env, home);
    const url = await server.url();
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ messages: [{ role: 'user', content: 'What is a mock server good for?' }] }),
    });
    expect(answer.headers.get('x-verbatim-match')).toBe('context');
    expect((await fetch(`${url}/docs/swagger-ui-bundle.js`)).status).toBe(200);
    server.kill('SIGTERM');
    expect(await server.exited).toBe(0);
  });
});

const NAMES = ['vitest', 'jest', 'playwright'];

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

describe('the example', () => {
  beforeAll(async () => {
    await npm(['install', '--no-audit', '--no-fund', ...packages()], home);
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
});

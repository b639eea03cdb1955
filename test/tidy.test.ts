/** The shape of the tree: imports run one way, core stays pure, and duplicated facts agree. */

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readCommandLine } from '#dist/cli/command-line.js';
import { ERRORS } from '#dist/core/errors.js';
import { shapesTable } from '#dist/dataset/shapes/shapes.js';
import { settingsTable } from '#dist/settings/table.js';

const root = fileURLToPath(new URL('../', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** The allowed imports of each room, besides itself. dependency-cruiser reads its rules from here, too. */
const ROOMS = JSON.parse(read('test/rooms.json')) as Readonly<Record<string, readonly string[]>>;

interface Import {
  readonly file: string;
  readonly room: string;
  /** A room, or a package name. */
  readonly from: string;
  /** The path of the file that is imported, without its extension; undefined for a package. */
  readonly path?: string;
}

const imports: Import[] = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.m?tsx?$/.test(file))
  .flatMap((file) =>
    [...read(join('src', file)).matchAll(/\b(?:from\s+|import\s*\(?)'([^']+)'/g)].map(([, from = '']) => ({
      file,
      room: roomOf(file),
      from: from.startsWith('.') ? roomOf(join(dirname(file), from).replace(/\.(m?)js$/, '.$1ts')) : from,
      ...(from.startsWith('.') && { path: join(dirname(file), from).replace(/\.js$/, '') }),
    })),
  );

function roomOf(file: string): string {
  return relative('', file).split(/[/\\]/)[0] as string;
}

describe('the source', () => {
  it('has imports', () => {
    expect(imports.length).toBeGreaterThan(100);
  });

  it('imports nothing of Node in core, openai, anthropic and api', () => {
    const pure = imports.filter(({ room }) => ['core', 'openai', 'anthropic', 'api'].includes(room));
    expect(pure.filter(({ from }) => from.startsWith('node:'))).toEqual([]);
    expect(pure.filter(({ room, from }) => room === 'core' && !(from in ROOMS))).toEqual([]);
  });

  it('has a page that imports nothing of the server but core, and whose files can be understood one by one', () => {
    const page = imports.filter(({ room }) => room === 'web');
    expect(page.filter(({ from, path }) => path !== undefined && !['web', 'core'].includes(from))).toEqual(
      [],
    );
    // A file is removed once all its imports are: those in a circle stay.
    const left = new Map(
      [...new Set(page.map(({ file }) => file))].map((file) => [
        file.replace(/\.tsx?$/, ''),
        page.filter((each) => each.file === file).flatMap(({ path }) => path ?? []),
      ]),
    );
    expect(left.size).toBeGreaterThan(15);
    for (let size = -1; size !== left.size; ) {
      size = left.size;
      for (const [file, paths] of left) if (!paths.some((path) => left.has(path))) left.delete(file);
    }
    expect([...left.keys()]).toEqual([]);
  });

  it('opens files only for datasets, their spools, their indexes and recordings, besides the kernel, the vocabularies, the manifest, the keys, the page, the rules, the profiles, the settings file, secrets and the tokenizer', () => {
    const opening = imports.filter(({ from }) => from.startsWith('node:fs')).map(({ file }) => file);
    expect(
      [...new Set(opening)].filter((file) => !/^(?:dataset|index|recordings|workers)\//.test(file)),
    ).toEqual([
      'cli/manifest.ts',
      'http/api-keys.ts',
      'http/other-processes.ts',
      'kernel/kernel.ts',
      'kernel/vocabulary.ts',
      'models/index-keeper.ts',
      'models/spooling.ts',
      'settings/profile-file.ts',
      'settings/rules-file.ts',
      'settings/secret-file.ts',
      'settings/settings-file.ts',
      'settings/tokenizer-file.ts',
      'http/endpoints/home.ts',
    ]);
  });
});

describe('the tests', () => {
  const tests = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => ({ file, text: read(join('test', file)) }));

  it('take the runs and the seed of every property from the factor', () => {
    const count = (text: string, what: RegExp) => [...text.matchAll(what)].length;
    const wrong = tests.filter(
      ({ text }) => count(text, /\bfc\.assert\(/g) !== count(text, /\bruns\(\d+\)/g),
    );
    expect(wrong.map(({ file }) => file)).toEqual([]);
  });

  it('that start a server as a process are in the projects for processes', () => {
    const isFast = (file: string) => !/^(?:process|deploy|web)\/|^clients\/openai/.test(file);
    const wrong = tests.filter(({ file, text }) => isFast(file) && /support\/server-process\.js'/.test(text));
    expect(wrong.map(({ file }) => file)).toEqual([]);
  });
});

describe('the repository', () => {
  it("has no files that Node's profilers and debuggers write", () => {
    // Without git, as in an unpacked archive, nothing is committed.
    const { status, stdout } = spawnSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' });
    const files = status === 0 ? stdout.split('\n') : [];
    const written =
      /(?:^|\/)(?:isolate-.*\.log|v8\.log|core)$|\.(?:cpuprofile|heapprofile|heapsnapshot|log)$|perf\.data/;
    expect(files.filter((file) => written.test(file))).toEqual([]);
  });
});

describe('the documents', () => {
  it('have the map of the rooms', () => {
    const rows = [...read('ARCHITECTURE.md').matchAll(/^\| `src\/([\w.]+)` \|[^|]*\| ([^|]*) \|$/gm)];
    const map = rows.map(([, room, imports = '']) => [
      room,
      imports === 'nothing' ? [] : imports.split(', '),
    ]);
    expect(map).toEqual(Object.entries(ROOMS));
  });

  it('list the settings as the table has them', () => {
    expect(read('docs/settings.md')).toContain(settingsTable());
    expect(read('docs/simulation.md')).toContain(settingsTable(['Delivery', 'Failures']));
  });

  it('list the shapes of records as their table has them', () => {
    expect(read('docs/formats.md')).toContain(shapesTable());
  });

  it('explain every error, with its status, and no other', () => {
    const rows = [...read('docs/errors.md').matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(([, code, status]) => [
      code,
      Number(status),
    ]);
    expect(rows).toEqual(Object.entries(ERRORS).map(([code, { status }]) => [code, status]));
  });

  it('name files of the source that are there', () => {
    // The rooms that paths begin with, below src/. A decision may name files that were removed.
    const path = new RegExp(
      `\\b(?<![./-])(?:src/)?((?:${Object.keys(ROOMS).join('|')})/[\\w./-]*\\.m?ts)\\b`,
      'g',
    );
    const named = [...read('ARCHITECTURE.md').matchAll(path)].map(([, file = '']) => file);
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((file) => !existsSync(join(root, 'src', file)))).toEqual([]);
  });

  it('link to files that are there', () => {
    const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md'))
      .map((file) => join('docs', file));
    for (const page of [
      ...docs,
      'README.md',
      'ARCHITECTURE.md',
      'CONTRIBUTING.md',
      'SECURITY.md',
      'deploy/README.md',
    ]) {
      // npm shows the README without the repository: its links are absolute.
      const text = read(page).replaceAll(
        /https:\/\/(?:github\.com\/verbatim-llm\/verbatim\/blob|raw\.githubusercontent\.com\/verbatim-llm\/verbatim)\/main\//g,
        '',
      );
      for (const [, target = ''] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
        expect(() => readFileSync(join(root, dirname(page), target)), `${page} → ${target}`).not.toThrow(
          /ENOENT/,
        );
      }
    }
  });
});

/** Idioms that readers of the project stumbled over. The number may only fall: lower `IDIOMS_MAX` with it. */
const IDIOMS =
  /\b(?:behind|stands?|stood|whoever|nobody|anybody|(?:is|are|was) none|so (?:many|much|long)|anew|but for|all the same|tells?|told|what (?:is|was) asked|by whom|alike|rider|prove[sdn]?|older(?! (?:versions?|generation|than)\b))\b/gi;
const IDIOMS_MAX = 0;

/** A comment, or a string. A string may contain what looks like a comment, and the reverse. */
const COMMENT_OR_STRING =
  /\/\*[\s\S]*?\*\/|\/\/.*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`/g;

describe('the English', () => {
  const named = (folder: string, extension: string) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith(extension))
      .map((file) => join(folder, file));
  const parts = (file: string) => read(file).match(COMMENT_OR_STRING) ?? [];
  const isComment = (part: string) => part.startsWith('/');

  it('is plain: comments, help, log lines, errors and documents have no more idioms than before', () => {
    const sources = [...named('src', '.ts'), ...named('src', '.tsx')].flatMap(parts);
    const comments = [...named('test', '.ts'), ...named('bench', '.ts')].flatMap(parts).filter(isComment);
    const help = ['--help', 'help check'].map((line) => readCommandLine(line.split(' '), {}));
    const pages = ['README.md', 'ARCHITECTURE.md', 'SECURITY.md', 'CONTRIBUTING.md', 'deploy/README.md'];
    // Without examples, whose replies are those of the sample.
    const documents = [...pages, ...named('docs', '.md')].map((page) =>
      read(page).replace(/^```.*?^```$/gms, ''),
    );
    const texts = [...sources, ...comments, ...help.map((line) => JSON.stringify(line)), ...documents];
    expect(texts.flatMap((text) => text.match(IDIOMS) ?? []).length).toBe(IDIOMS_MAX);
  });
});

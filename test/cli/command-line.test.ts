import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCommandLine } from '#dist/cli/command-line.js';
import { ConfigError } from '#dist/settings/config-error.js';
import { OPTIONS } from '#dist/settings/table.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();

/** The error message for settings: the line that a start prints after the program's name. */
function problemOf(args: readonly string[], env: Record<string, string> = {}): string {
  try {
    readCommandLine(args, env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
  return expect.fail('expected a ConfigError');
}

it.each([
  [['--port', '99999'], "--port: expected a whole number from 0 to 65535, got '99999'"],
  [['--workers=0'], "--workers: expected a whole number from 1 to 64, got '0'"],
  [['--workers', '1.5'], "--workers: expected a whole number from 1 to 64, got '1.5'"],
  [['--engine', 'fast'], "--engine: expected one of auto, sweep, index, got 'fast'"],
  [['--cache-mb', 'x'], "--cache-mb: expected a whole number from 0 to 65536, got 'x'"],
  [
    ['--log-level', 'loud'],
    "--log-level: expected one of fatal, error, warn, info, debug, trace, silent, got 'loud'",
  ],
  [['--log-format', 'xml'], "--log-format: expected one of auto, json, pretty, got 'xml'"],
  [
    ['--cors-origins', 'example.org'],
    "--cors-origins: expected origins separated by commas, as https://example.org, or *, got 'example.org'",
  ],
  [
    ['--cors-origins', 'https://example.org/path'],
    "--cors-origins: expected origins separated by commas, as https://example.org, or *, got 'https://example.org/path'",
  ],
  [['--rate-limit', '1.5'], "--rate-limit: expected a whole number from 0 to 1000000000, got '1.5'"],
  [['--drain-ms', 'soon'], "--drain-ms: expected a whole number from 0 to 2147483647, got 'soon'"],
  [
    ['--request-timeout-ms', '0'],
    "--request-timeout-ms: expected a whole number from 1 to 2147483647, got '0'",
  ],
  [['--colour', 'red'], "unknown option '--colour'; see --help"],
  [['--prot', '1'], "unknown option '--prot'; did you mean --port?"],
  [['--port'], '--port: expected a value'],
  [['--engine'], '--engine: expected a value'],
  [['--api-keys', 'x'], 'set API_KEYS; there is no flag, because process lists show flags'],
  [['--api-keys=x'], 'set API_KEYS; there is no flag, because process lists show flags'],
  [['serve', 'a.json'], "there is no file 'serve'; to serve, leave out 'serve'"],
  [['-p', 'x'], "--port: expected a whole number from 0 to 65535, got 'x'"],
  [['--dataset', 'a.json:'], "--dataset: expected a file, got 'a.json:'"],
  [
    ['--tokenizer', 'llama'],
    "--tokenizer: expected one of o200k_base, cl100k_base, or the path of a tokenizer.json, got 'llama'",
  ],
  [['--dataset', ''], "--dataset: expected a file, got ''"],
  [['a.json', 'x/a.jsonl'], "two datasets are called 'a'; expected a name for each, as other=x/a.jsonl"],
  [['m=a.json', 'm=b.json'], "two datasets are called 'm'; expected a name for each, as other=b.json"],
  [['m='], "arguments: expected a file after 'm='"],
  [
    ['a.json', '--dataset', 'b.json'],
    "datasets given twice, as 'a.json' and by --dataset; expected one of both",
  ],
  [['chek', 'a.json'], "unknown command or file 'chek'; did you mean 'verbatim check'?"],
  [['--port', 'x', 'hlep'], "unknown command or file 'hlep'; did you mean 'verbatim help'?"],
  [['check'], "missing required argument 'file'; see --help"],
  [['check', 'm='], "arguments: expected a file after 'm='"],
  [['check', 'a.json', '--port', '0'], "unknown option '--port'; see --help"],
  [['show', 'a.json'], "missing required argument 'number'; see --help"],
  [['show', 'a.json', '1.5'], "expected the number of a conversation, from 0, got '1.5'"],
  [['stast', 'a.json'], "unknown command or file 'stast'; did you mean 'verbatim stats'?"],
  [['help', 'chek'], "unknown command 'chek'; did you mean 'check'?"],
  [['help', 'zebra'], "unknown command 'zebra'; see --help"],
])('%j is rejected with one line', (args, problem) => {
  expect(problemOf(args, { DATASET: 'data/sample.json' })).toBe(problem);
});

it.each(['PORT', 'VERBATIM_PORT'])('the line names the invalid environment variable: %s', (name) => {
  const problem = `${name}: expected a whole number from 0 to 65535, got 'http'`;
  expect(problemOf([], { [name]: 'http' })).toBe(problem);
});

describe('the environment', () => {
  /** The settings of a start without arguments. */
  function settingsOf(env: Record<string, string>, ...args: string[]) {
    const command = readCommandLine(args, env);
    return command.kind === 'serve' ? command : expect.fail('expected to serve');
  }

  it('has prefixed variables, which override the bare ones and are overridden by flags', () => {
    expect(settingsOf({ PORT: '1', VERBATIM_PORT: '2' }).config.port).toBe(2);
    expect(settingsOf({ PORT: '1', VERBATIM_PORT: '' }).config.port).toBe(1);
    expect(settingsOf({ PORT: '1', VERBATIM_PORT: '2' }, '-p', '3').config.port).toBe(3);
  });

  it('is named by later errors, too', () => {
    const { sourceOf } = settingsOf({ HOST: 'x', VERBATIM_DATASET: 'a.json' }, '--workers', '2');
    expect(sourceOf('host')).toBe('HOST');
    expect(sourceOf('dataset')).toBe('VERBATIM_DATASET');
    expect(sourceOf('workers')).toBe('--workers');
    expect(sourceOf('port')).toBeUndefined();
  });

  it('has the name of a tokenizer, or a path', () => {
    const tokenizerOf = (TOKENIZER: string) => settingsOf({ TOKENIZER }).config.tokenizer;
    expect(tokenizerOf('cl100k_base')).toBe('cl100k_base');
    expect(tokenizerOf('tokenizer.json')).toEqual({ file: 'tokenizer.json' });
    expect(tokenizerOf('models/llama')).toEqual({ file: 'models/llama' });
  });

  it('of a pod next to a service named verbatim has a VERBATIM_PORT that is not the setting', () => {
    const env = { VERBATIM_PORT: 'tcp://10.0.0.11:8000', PORT: '5' };
    expect(settingsOf(env).config.port).toBe(5);
  });
});

describe('the help', () => {
  const helpOf = (columns: number | undefined, ...args: string[]) => helpIn({}, columns, ...args);
  const helpIn = (env: Record<string, string>, columns: number | undefined, ...args: string[]) => {
    const command = readCommandLine(args, env, columns);
    return command.kind === 'help' ? command.text : expect.fail('expected the help');
  };

  it.each(['--help', '-h', 'help'])('shows which commands have options: %s', (word) => {
    const [, commands = ''] = helpOf(1000, word).split('Commands:');
    for (const name of ['index', 'load', 'check', 'show', 'stats', 'search', 'convert', 'record', 'prune'])
      expect(commands).toMatch(new RegExp(`^ +${name} \\[options\\] `, 'm'));
  });

  it('lists every setting under the heading of its group, with its variable and its default', () => {
    const help = helpOf(1000, '--help');
    for (const { group, flag, env, defaultText } of Object.values(OPTIONS)) {
      const [, lines = ''] = new RegExp(`^${group}:\\n((?:  .*\\n)+)`, 'm').exec(help) ?? [];
      expect(lines).toContain(flag === undefined ? `${env}=<` : `--${flag} <`);
      expect(lines).toContain(`(env: ${env}, default: ${defaultText.replaceAll('`', '')})`);
    }
    expect(help).toMatch(/^Examples:\n(?: {2}verbatim .*\n){4}/m);
  });

  it('is shown by -h and help, and that of a command by help check', () => {
    expect(helpOf(80, '-h')).toBe(helpOf(80, '--help'));
    expect(helpOf(80, 'help')).toBe(helpOf(80, '--help'));
    expect(helpOf(80, 'help', 'check')).toBe(helpOf(80, 'check', '-h'));
    expect(helpOf(80, 'help', 'check')).toMatch(/^Usage: verbatim check/);
  });

  it.each([40, 60])('is wrapped to a narrow terminal of %i columns', (columns) => {
    for (const help of [helpOf(columns, '--help'), helpOf(columns, 'check', '--help')]) {
      const [, ...lines] = help.split('\n');
      expect(lines.filter((line) => line.length > columns)).toEqual([]);
    }
    expect(helpOf(columns, '--help').replace(/\s+/g, ' ')).toContain('serve two models on a free port');
  });

  it.each([80, 120])('is wrapped to a terminal of %i columns', (columns) => {
    const widths = helpOf(columns, '--help')
      .split('\n')
      .map(({ length }) => length);
    expect(Math.max(...widths)).toBeLessThanOrEqual(columns);
    expect(Math.max(...widths)).toBeGreaterThan(columns - 5);
  });

  it('has the width in COLUMNS without a terminal, and 80 columns without either', () => {
    expect(helpIn({ COLUMNS: '40' }, undefined, '--help')).toBe(helpOf(40, '--help'));
    expect(helpIn({ COLUMNS: '40' }, 100, '--help')).toBe(helpOf(100, '--help'));
    for (const COLUMNS of ['', '0', '-1', 'wide', '1e9']) {
      expect(helpIn({ COLUMNS }, undefined, '--help')).toBe(helpOf(80, '--help'));
    }
  });
});

it('-v prints the version', () => {
  expect(readCommandLine(['-v'], {})).toEqual({ kind: 'version' });
});

it.each(['secret,,', 'secret,ключ', 'secret,a b', 'secret,c\u0001'])(
  'keys that cannot be sent in a header are rejected, and not printed: %j',
  (keys) => {
    expect(problemOf([], { API_KEYS: keys })).toBe(
      'API_KEYS: expected keys of printable ASCII, separated by commas, got something else',
    );
  },
);

it('check ignores the settings in the environment that it does not have', () => {
  const env = { PORT: 'http', DATASET: 'nowhere.json' };
  expect(readCommandLine(['check', 'a.json'], env)).toMatchObject({
    kind: 'check',
    settings: { dataset: [{ path: 'a.json' }], prefer: 'chosen', map: undefined },
    isJson: false,
  });
});

const NAMED = ['--prefer', 'rejected', '--map', 'prompt=q,reply=a'];

it.each([
  ['after the command', ['check', ...NAMED, 'm=a.json?prompt=b,reply=c', 'd/'], {}],
  ['before it', [...NAMED, 'check', 'm=a.json?prompt=b,reply=c', 'd/'], {}],
  [
    'in the environment',
    ['check', 'm=a.json?prompt=b,reply=c', 'd/'],
    { PREFER: 'rejected', VERBATIM_MAP: 'prompt=q,reply=a' },
  ],
])('check has the settings that a start with the same arguments has: %s', (_where, args, env) => {
  const checked = readCommandLine(args, env);
  const served = readCommandLine(
    args.filter((each) => each !== 'check'),
    env,
  );
  if (checked.kind !== 'check' || served.kind !== 'serve') throw new Error('another command');
  expect(served.config).toMatchObject(checked.settings);
  expect(checked.settings).toMatchObject({
    dataset: [{ path: 'a.json', map: { prompt: 'b', reply: 'c' } }, { path: 'd/' }],
    map: { prompt: 'q', reply: 'a' },
    prefer: 'rejected',
  });
});

it('check rejects an invalid setting as a start does', () => {
  expect(problemOf(['check', 'a.json', '--prefer', 'best'])).toBe(problemOf(['a.json', '--prefer', 'best']));
  expect(problemOf(['check', 'a.json'], { MAP: 'x' })).toBe(problemOf(['a.json'], { MAP: 'x' }));
});

it('check takes several files, each with a name or without', () => {
  const args = ['check', 'x/a.json', 'gpt-4o=b.jsonl', 'y/a.json', './a=b.json'];
  const dataset = ['x/a.json', 'b.jsonl', 'y/a.json', './a=b.json'].map((path) => ({ path }));
  expect(readCommandLine(args, {})).toMatchObject({ kind: 'check', settings: { dataset }, isJson: false });
});

it('standard input is a dataset, once', () => {
  expect(readCommandLine(['-'], {})).toMatchObject({ config: { dataset: [{ id: 'stdin', path: '-' }] } });
  expect(readCommandLine(['a=-'], {})).toMatchObject({ config: { dataset: [{ id: 'a', path: '-' }] } });
  const problem = "standard input, '-', is given twice; expected it once";
  expect(problemOf(['-', 'a=-'])).toBe(problem);
  expect(problemOf([], { DATASET: '-:-' })).toBe(problem);
  expect(problemOf(['check', '-', '-'])).toBe(problem);
});

it.each([
  ['a name that resembles no command', 'zebra'],
  ['a name with an ending', 'chek.json'],
  ['a file that is there', join(folder, 'chek')],
])('%s is a dataset', (_what, path) => {
  writeFileSync(join(folder, 'chek'), '');
  expect(readCommandLine([path], {})).toMatchObject({ kind: 'serve', config: { dataset: [{ path }] } });
});

it('a file may be named check', () => {
  expect(readCommandLine(['check', '--', 'check'], {})).toMatchObject({
    kind: 'check',
    settings: { dataset: [{ path: 'check' }] },
    isJson: false,
  });
  expect(readCommandLine(['--dataset', 'check'], {})).toMatchObject({
    kind: 'serve',
    config: { dataset: [{ id: 'check', path: 'check' }] },
  });
});

it.each([
  [['a.json', 'gpt-4o=b.jsonl'], {}],
  [['--dataset', 'a.json:gpt-4o=b.jsonl'], {}],
  [[], { DATASET: 'a.json:gpt-4o=b.jsonl' }],
])('a model is named after its file, or as given: %j %j', (args, env) => {
  const command = readCommandLine(args, env);
  expect(command).toMatchObject({
    config: {
      dataset: [
        { id: 'a', path: 'a.json' },
        { id: 'gpt-4o', path: 'b.jsonl' },
      ],
    },
  });
});

it('a path may contain an equals sign', () => {
  expect(readCommandLine(['./a=b.json'], {})).toMatchObject({
    config: { dataset: [{ id: 'a=b', path: './a=b.json' }] },
  });
});

it.each([
  ['data/chats.jsonl.gz', 'chats'],
  ['wild/', 'wild'],
  ['data/wild/**/*.parquet', 'wild'],
  ['*.jsonl', 'dataset'],
  ["b=it's.csv?prompt=q,reply=a", 'b'],
])('the model of %s is called %s', (path, id) => {
  expect(readCommandLine([path], {})).toMatchObject({ config: { dataset: [{ id }] } });
});

it('the fields of one dataset follow its path', () => {
  expect(readCommandLine(['a.csv?prompt=q,reply=a', 'b.csv'], {})).toMatchObject({
    config: {
      dataset: [{ path: 'a.csv', map: { prompt: 'q', reply: 'a', system: undefined } }, { path: 'b.csv' }],
    },
  });
  expect(() => readCommandLine(['--map', 'prompt=q'], {})).toThrow('--map: expected prompt=KEY,reply=KEY');
});

it.each([
  ['a.jsonl?promt=foo,reply=baz', '"promt" is not one of prompt, reply, system'],
  ['data/?promt=foo,reply=baz', '"promt" is not one of prompt, reply, system'],
  ['b=a.jsonl?question=foo', '"question" is not one of prompt, reply, system'],
])('fields of other names are refused: %s', (path, reason) => {
  const problem = `expected prompt=KEY,reply=KEY, and optionally system=KEY; ${reason}`;
  expect(() => readCommandLine([path], {})).toThrow(problem);
});

it('a pattern may have a question mark before an equals sign', () => {
  const path = './data/split?key=a/part-?.jsonl';
  expect(readCommandLine([path], {})).toMatchObject({ config: { dataset: [{ path }] } });
});

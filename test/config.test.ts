import { expect, it } from 'vitest';
import { ConfigError, readCommand } from '#dist/config.js';

/** The message of the settings' error: the line that a start prints after the program's name. */
function problemOf(args: readonly string[], env: Record<string, string> = {}): string {
  try {
    readCommand(args, env);
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
  [['--colour', 'red'], "Unknown option '--colour'; see --help"],
  [['--port'], "Option '--port <value>' argument missing; see --help"],
  [['a.json', 'x/a.jsonl'], "two datasets are called 'a'; expected a name for each, as other=x/a.jsonl"],
  [['m=a.json', 'm=b.json'], "two datasets are called 'm'; expected a name for each, as other=b.json"],
  [['m='], "arguments: expected a file, got 'm='"],
  [
    ['a.json', '--dataset', 'b.json'],
    "datasets are given twice, as 'a.json' and by --dataset; expected one of both",
  ],
  [['check'], 'check: expected a file; see --help'],
  [['check', 'a.json', 'b.json'], "check: unexpected argument 'b.json'; expected one file"],
  [['check', 'a.json', '--port', '0'], "Unknown option '--port'; see --help"],
])('%j is rejected with one line', (args, problem) => {
  expect(problemOf(args, { DATASET: 'data/sample.json' })).toBe(problem);
});

it('the line names the environment variable that is wrong', () => {
  expect(problemOf([], { PORT: 'http' })).toBe("PORT: expected a whole number from 0 to 65535, got 'http'");
});

it.each(['secret,,', 'secret,ключ', 'secret,a b', 'secret,c\u0001'])(
  'keys that no client can send are rejected, and not printed: %j',
  (keys) => {
    expect(problemOf([], { API_KEYS: keys })).toBe(
      'API_KEYS: expected keys of printable ASCII, separated by commas, got something else',
    );
  },
);

it('check takes no setting from the environment', () => {
  const env = { PORT: 'http', DATASET: 'nowhere.json' };
  expect(readCommand(['check', 'a.json'], env)).toEqual({ kind: 'check', path: 'a.json' });
});

it('a file may be named check', () => {
  expect(readCommand(['check', '--', 'check'], {})).toEqual({ kind: 'check', path: 'check' });
  expect(readCommand(['--dataset', 'check'], {})).toMatchObject({
    kind: 'serve',
    config: { dataset: [{ id: 'check', path: 'check' }] },
  });
});

it.each([
  [['a.json', 'gpt-4o=b.jsonl'], {}],
  [['--dataset', 'a.json:gpt-4o=b.jsonl'], {}],
  [[], { DATASET: 'a.json:gpt-4o=b.jsonl' }],
])('datasets are models of the names of their files, or of given ones: %j %j', (args, env) => {
  const command = readCommand(args, env);
  expect(command).toMatchObject({
    config: {
      dataset: [
        { id: 'a', path: 'a.json' },
        { id: 'gpt-4o', path: 'b.jsonl' },
      ],
    },
  });
});

it('a path may have an equals sign in it', () => {
  expect(readCommand(['./a=b.json'], {})).toMatchObject({
    config: { dataset: [{ id: 'a=b', path: './a=b.json' }] },
  });
});

/** The settings: one table gives each its flag, environment variable, default, check and help text. */

import { availableParallelism } from 'node:os';
import { basename, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { DRAIN_MS, WORKERS_MAX } from './core/limits.js';
import type { ModelSpec } from './core/model-spec.js';
import { TOKENIZERS } from './core/tokens.js';

/** A setting as the table describes it. */
interface Option<T> {
  readonly env: string;
  /** The long flag, without its dashes; undefined for what must not show in a process list. */
  readonly flag: string | undefined;
  /** What stands for the value in the help. */
  readonly placeholder: string;
  readonly help: string;
  readonly defaultValue: T;
  /** How the default reads in the help and the README, which don't know this machine. */
  readonly defaultText: string;
  /** From the text to the value; throws `Expected` if it is not one. */
  readonly parse: (text: string) => T;
}

/** Says what a value should have been, to go behind "expected". */
class Expected extends Error {}

/** A setting that can't be used. Its message is one line that names the setting. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const SAMPLE = fileURLToPath(new URL('../data/sample.json', import.meta.url));
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
const LOG_FORMATS = ['auto', 'json', 'pretty'] as const;
const ENGINES = ['auto', 'sweep', 'index'] as const;
const ON_MISS = ['error', 'fallback'] as const;
const MISS_STATUSES = [400, 404, 422] as const;
const MAX_TOKENS = ['tolerant', 'exact', 'ignore'] as const;
const USAGE = ['count', 'estimate'] as const;

/** Every setting, in the order of the help. */
export const OPTIONS = {
  dataset: {
    env: 'DATASET',
    flag: 'dataset',
    placeholder: 'FILES',
    help: 'The datasets, separated by colons: each a JSON array of conversations, or JSON lines, served as a model of the name of its file, or as NAME if it is given as `NAME=FILE`. Also the arguments',
    defaultValue: [{ id: 'sample', path: SAMPLE }],
    defaultText: 'the sample in `data/`',
    parse: datasets,
  },
  host: {
    env: 'HOST',
    flag: 'host',
    placeholder: 'ADDRESS',
    help: 'The address to listen on',
    defaultValue: '127.0.0.1',
    defaultText: '`127.0.0.1`',
    parse: text,
  },
  port: {
    env: 'PORT',
    flag: 'port',
    placeholder: 'N',
    help: 'The port to listen on; 0 picks a free one',
    defaultValue: 8000,
    defaultText: '`8000`',
    parse: wholeNumber(0, 65_535),
  },
  workers: {
    env: 'WORKERS',
    flag: 'workers',
    placeholder: 'N',
    help: 'Worker threads that read the dataset',
    defaultValue: Math.min(availableParallelism(), WORKERS_MAX),
    defaultText: "the machine's cores",
    parse: wholeNumber(1, WORKERS_MAX),
  },
  engine: {
    env: 'ENGINE',
    flag: 'engine',
    placeholder: ENGINES.join('|'),
    help: 'How replies are found: `sweep` reads the dataset for lookups, `index` keeps keys of all turns in memory, `auto` sweeps until the index is made',
    defaultValue: 'auto',
    defaultText: '`auto`',
    parse: oneOf(ENGINES),
  },
  indexDir: {
    env: 'INDEX_DIR',
    flag: 'index-dir',
    placeholder: 'FOLDER',
    help: 'Where the index is kept for the next start; `none` keeps nothing',
    defaultValue: undefined,
    defaultText: "beside the dataset, else the user's cache folder",
    parse: folder,
  },
  onMiss: {
    env: 'ON_MISS',
    flag: 'on-miss',
    placeholder: ON_MISS.join('|'),
    help: 'What a prompt without a reply gets: an `error` with the status `MISS_STATUS`, or the text of `FALLBACK_TEXT` as a `fallback`, 200',
    defaultValue: 'error',
    defaultText: '`error`',
    parse: oneOf(ON_MISS),
  },
  fallbackText: {
    env: 'FALLBACK_TEXT',
    flag: 'fallback-text',
    placeholder: 'TEXT',
    help: 'What is replied to a prompt without a reply, if `ON_MISS` is `fallback`',
    defaultValue: 'No recorded reply for this prompt.',
    defaultText: '`No recorded reply for this prompt.`',
    parse: text,
  },
  missStatus: {
    env: 'MISS_STATUS',
    flag: 'miss-status',
    placeholder: MISS_STATUSES.join('|'),
    help: 'The HTTP status of the error for a prompt without a reply. Gateways that take a 404 for an outage need another one',
    defaultValue: 404,
    defaultText: '`404`',
    parse: oneNumberOf(MISS_STATUSES),
  },
  maxTokens: {
    env: 'MAX_TOKENS',
    flag: 'max-tokens',
    placeholder: MAX_TOKENS.join('|'),
    help: 'How `max_tokens` cuts replies: `exact`; `tolerant`, only where it is less than nine tenths of the reply, since load generators send lengths by a tokenizer of their own; or `ignore`',
    defaultValue: 'tolerant',
    defaultText: '`tolerant`',
    parse: oneOf(MAX_TOKENS),
  },
  usage: {
    env: 'USAGE',
    flag: 'usage',
    placeholder: USAGE.join('|'),
    help: 'How tokens are counted: `count` asks a tokenizer, in a thread of its own; `estimate` takes four bytes for one',
    defaultValue: 'count',
    defaultText: '`count`',
    parse: oneOf(USAGE),
  },
  tokenizer: {
    env: 'TOKENIZER',
    flag: 'tokenizer',
    placeholder: TOKENIZERS.join('|'),
    help: "Whose tokens are counted: `o200k_base` is that of OpenAI's models since GPT-4o, `cl100k_base` that of those before",
    defaultValue: 'o200k_base',
    defaultText: '`o200k_base`',
    parse: oneOf(TOKENIZERS),
  },
  strictModels: {
    env: 'STRICT_MODELS',
    flag: 'strict-models',
    placeholder: '0|1',
    help: "With 1, only the datasets' own model names are answered; else any other asks all of them, in their order",
    defaultValue: false,
    defaultText: '`0`',
    parse: flag,
  },
  cacheMb: {
    env: 'CACHE_MB',
    flag: 'cache-mb',
    placeholder: 'MB',
    help: 'Memory for replies that were found before; 0 turns the cache off',
    defaultValue: 64,
    defaultText: '`64`',
    parse: wholeNumber(0, 65_536),
  },
  bodyLimitMb: {
    env: 'BODY_LIMIT_MB',
    flag: 'body-limit-mb',
    placeholder: 'MB',
    help: 'The largest request body that is read, inflated if it is compressed',
    defaultValue: 32,
    defaultText: '`32`',
    parse: wholeNumber(1, 256),
  },
  apiKeys: {
    env: 'API_KEYS',
    flag: undefined,
    placeholder: 'KEYS',
    help: 'Keys that are let in, separated by commas; or `@` and the path of a file that has them, a line each, and is read again at `SIGHUP`. No flag: a flag shows in process lists',
    defaultValue: [],
    defaultText: 'none: open to all',
    parse: keys,
  },
  corsOrigins: {
    env: 'CORS_ORIGINS',
    flag: 'cors-origins',
    placeholder: 'ORIGINS',
    help: 'Origins whose pages may ask from a browser, separated by commas; `*` for all',
    defaultValue: [],
    defaultText: 'none',
    parse: origins,
  },
  rateLimit: {
    env: 'RATE_LIMIT',
    flag: 'rate-limit',
    placeholder: 'N',
    help: 'Requests a minute that each key may make, or each address where there are no keys; 0 sets no limit',
    defaultValue: 0,
    defaultText: '`0`',
    parse: wholeNumber(0, 1_000_000_000),
  },
  requestTimeoutMs: {
    env: 'REQUEST_TIMEOUT_MS',
    flag: 'request-timeout-ms',
    placeholder: 'MS',
    help: 'How long a request may wait for its answer before it gets 503',
    defaultValue: 600_000,
    defaultText: '`600000`',
    parse: wholeNumber(1, 2_147_483_647),
  },
  drainMs: {
    env: 'DRAIN_MS',
    flag: 'drain-ms',
    placeholder: 'MS',
    help: 'How long a server that is told to stop waits for the requests in flight before it cuts them',
    defaultValue: DRAIN_MS,
    defaultText: '`25000`',
    parse: wholeNumber(0, 2_147_483_647),
  },
  logFormat: {
    env: 'LOG_FORMAT',
    flag: 'log-format',
    placeholder: LOG_FORMATS.join('|'),
    help: 'How lines of the log look: `json`, `pretty`, or `auto`, which is pretty on a terminal',
    defaultValue: 'auto',
    defaultText: '`auto`',
    parse: oneOf(LOG_FORMATS),
  },
  logLevel: {
    env: 'LOG_LEVEL',
    flag: 'log-level',
    placeholder: LOG_LEVELS.join('|'),
    help: 'What is logged, to the standard error output',
    defaultValue: 'info',
    defaultText: '`info`',
    parse: oneOf(LOG_LEVELS),
  },
} as const satisfies Record<string, Option<unknown>>;

type Options = typeof OPTIONS;

/** The settings of a run. */
export type Config = { readonly [K in keyof Options]: ReturnType<Options[K]['parse']> };

/** What the command line asks for. */
export type Command =
  | { readonly kind: 'serve'; readonly config: Config }
  | { readonly kind: 'check'; readonly path: string }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' };

/**
 * Reads the command line and the environment. A flag goes before its environment variable, that before the default; an
 * empty variable counts as none.
 *
 * @param args what stands behind the program's name
 * @throws ConfigError for an unknown flag or a value that is none
 */
export function readCommand(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Command {
  if (args[0] === 'check') return readCheck(args.slice(1));
  const { flags, positionals } = readFlags(args, settingFlags());
  if (flags.help === true) return { kind: 'help' };
  if (flags.version === true) return { kind: 'version' };
  const [first] = positionals;
  if (first !== undefined && flags.dataset !== undefined) {
    throw new ConfigError(`datasets are given twice, as '${first}' and by --dataset; expected one of both`);
  }
  const entries = Object.entries(OPTIONS).map(([name, option]) => {
    if (name === 'dataset' && first !== undefined) return [name, modelsOf(positionals, 'arguments')];
    const fromFlag = option.flag === undefined ? undefined : flags[option.flag];
    if (typeof fromFlag === 'string') return [name, parseValue(option, fromFlag, `--${option.flag}`)];
    const fromEnv = env[option.env];
    if (fromEnv !== undefined && fromEnv !== '') return [name, parseValue(option, fromEnv, option.env)];
    return [name, option.defaultValue];
  });
  return { kind: 'serve', config: Object.fromEntries(entries) as Config };
}

/** What `check` is asked for: one file, and no setting. */
function readCheck(args: readonly string[]): Command {
  const { flags, positionals } = readFlags(args, { help: { type: 'boolean' } });
  if (flags.help === true) return { kind: 'help' };
  const [path, surplus] = positionals;
  if (path === undefined || path === '') throw new ConfigError('check: expected a file; see --help');
  if (surplus !== undefined)
    throw new ConfigError(`check: unexpected argument '${surplus}'; expected one file`);
  return { kind: 'check', path };
}

/** The text of `--help`. */
export function helpText(): string {
  const rows = Object.values(OPTIONS).map(({ flag, env, placeholder, help, defaultText }) => {
    const left = flag === undefined ? `${env}=${placeholder}` : `--${flag} ${placeholder}`;
    return `  ${left}\n      ${plain(help)}.\n      Environment: ${env}. Default: ${plain(defaultText)}.`;
  });
  return [
    'Usage: verbatim [[NAME=]FILE …] [FLAGS]',
    '       verbatim check FILE',
    '',
    'Serves conversation datasets as an OpenAI-compatible API, each as a model.',
    'With check, reads all of a file instead, and says what it holds or where it is not valid.',
    '',
    ...rows,
    '  --help\n      Print this and exit.',
    '  --version\n      Print the version and exit.',
    '',
  ].join('\n');
}

/** The settings as the rows of a Markdown table, for the README. */
export function settingsTable(): string {
  const rows = Object.values(OPTIONS).map(
    ({ env, flag, defaultText, help }) =>
      `| \`${env}\` | ${flag === undefined ? '' : `\`--${flag}\``} | ${defaultText} | ${help} |`,
  );
  return ['| environment | flag | default | what |', '|---|---|---|---|', ...rows].join('\n');
}

type Flags = NonNullable<ParseArgsConfig['options']>;

/** A flag for every setting that has one, and those that set nothing. */
function settingFlags(): Flags {
  const flags = Object.values(OPTIONS).flatMap(({ flag }) => (flag === undefined ? [] : [flag]));
  const strings = flags.map((flag) => [flag, { type: 'string' as const }]);
  const booleans = ['help', 'version'].map((flag) => [flag, { type: 'boolean' as const }]);
  return Object.fromEntries([...strings, ...booleans]);
}

function readFlags(args: readonly string[], options: Flags) {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    return { flags: values as Record<string, string | boolean | undefined>, positionals };
  } catch (error) {
    // Node's message goes on with advice; its first sentence names the flag.
    const [problem] = String((error as Error).message).split(/\.(?:\s|$)/);
    throw new ConfigError(`${problem}; see --help`);
  }
}

function parseValue(option: Option<unknown>, value: string, name: string): unknown {
  try {
    return option.parse(value);
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    const got = option.flag === undefined ? 'something else' : `'${value}'`;
    throw new ConfigError(`${name}: expected ${error.message}, got ${got}`);
  }
}

function text(value: string): string {
  if (value === '') throw new Expected('a value');
  return value;
}

function datasets(value: string): readonly ModelSpec[] {
  return modelsOf(value.split(':'), 'DATASET');
}

/**
 * @param given each a path, or a name, `=` and a path: a name has no slash in it
 * @throws ConfigError if two have one name
 */
function modelsOf(given: readonly string[], where: string): readonly ModelSpec[] {
  const specs = given.map((each) => {
    const [, name, path = each] = /^([^/=]+)=(.*)$/s.exec(each) ?? [];
    if (path === '') throw new ConfigError(`${where}: expected a file, got '${each}'`);
    return { id: name ?? basename(path, extname(path)), path };
  });
  const twice = specs.find(({ id }, i) => specs.findIndex((other) => other.id === id) < i);
  if (twice === undefined) return specs;
  throw new ConfigError(
    `two datasets are called '${twice.id}'; expected a name for each, as other=${twice.path}`,
  );
}

function folder(value: string): string | undefined {
  return text(value);
}

/** Where keys are: here, or in a file. */
export type KeySource = readonly string[] | { readonly file: string };

function keys(value: string): KeySource {
  if (value.startsWith('@')) {
    if (value.length === 1) throw new Expected('the path of a file behind @');
    return { file: value.slice(1) };
  }
  const expected = 'keys of printable ASCII, separated by commas';
  const items = list(value, expected);
  if (!items.every(isKey)) throw new Expected(expected);
  return items;
}

/** True if a client can send it in a header. */
export function isKey(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

function origins(value: string): readonly string[] {
  const expected = 'origins separated by commas, as https://example.org, or *';
  const items = list(value, expected);
  const isOrigin = (item: string) => item === '*' || (URL.canParse(item) && new URL(item).origin === item);
  if (!items.every(isOrigin)) throw new Expected(expected);
  return items;
}

function list(value: string, expected: string): readonly string[] {
  const items = value.split(',').map((item) => item.trim());
  if (items.some((item) => item === '')) throw new Expected(expected);
  return items;
}

function flag(value: string): boolean {
  if (value !== '0' && value !== '1') throw new Expected('0 or 1');
  return value === '1';
}

function wholeNumber(min: number, max: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max)
      throw new Expected(`a whole number from ${min} to ${max}`);
    return number;
  };
}

function oneOf<T extends string>(choices: readonly T[]): (value: string) => T {
  return (value) => {
    const choice = choices.find((each) => each === value);
    if (choice === undefined) throw new Expected(`one of ${choices.join(', ')}`);
    return choice;
  };
}

function oneNumberOf<T extends number>(choices: readonly T[]): (value: string) => T {
  const parse = oneOf(choices.map(String));
  return (value) => Number(parse(value)) as T;
}

function plain(markdown: string): string {
  return markdown.replaceAll('`', '');
}

/** Where a program that embeds the server has other defaults than the command: it has a free port, and nothing is left behind. */
const EMBEDDED_DEFAULTS = {
  port: 0,
  indexDir: 'none',
  logLevel: 'silent',
} as const satisfies Partial<Config>;

/**
 * Reads settings that a program gives as values.
 *
 * @param given by the names of settings; what is undefined is not given
 * @throws ConfigError for an unknown setting or an invalid value
 */
export function readOptions(given: object): Config {
  const config: Record<string, unknown> = Object.fromEntries(
    Object.entries(OPTIONS).map(([name, { defaultValue }]) => [name, defaultValue]),
  );
  Object.assign(config, EMBEDDED_DEFAULTS);
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(OPTIONS, name)) {
      throw new ConfigError(`unknown option '${name}'; expected one of ${Object.keys(OPTIONS).join(', ')}`);
    }
    if (value !== undefined) config[name] = readOption(name as keyof Config, value);
  }
  return config as Config;
}

function readOption(name: keyof Config, value: unknown): unknown {
  const option: Option<unknown> = OPTIONS[name];
  switch (name) {
    case 'dataset':
      return modelsOf(texts(name, typeof value === 'string' ? [value] : value), name);
    case 'apiKeys': {
      const file = (value as { readonly file?: unknown } | null)?.file;
      if (typeof file === 'string') return { file };
      return texts(name, value).map((key) => {
        if (isKey(key)) return key;
        throw new ConfigError(`${name}: expected keys of printable ASCII without spaces`);
      });
    }
    case 'corsOrigins':
      return texts(name, value).flatMap((origin) => parseValue(option, origin, name));
  }
  const type = typeof (option.defaultValue ?? '');
  if (typeof value !== type)
    throw new ConfigError(`${name}: expected a ${type}, got ${JSON.stringify(value)}`);
  return type === 'boolean' ? value : parseValue(option, String(value), name);
}

function texts(name: string, value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
  throw new ConfigError(`${name}: expected a list of strings`);
}

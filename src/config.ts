/** The settings: one table gives each its flag, environment variable, default, check and help text. */

import { availableParallelism } from 'node:os';
import { basename, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DRAIN_MS, WORKERS_MAX } from './core/limits.js';
import type { ModelSpec } from './core/model-spec.js';
import { TOKENIZERS } from './core/tokens.js';

/** A setting as the table describes it. */
export interface Option<T> {
  /** The heading that the help lists it under. */
  readonly group: 'Dataset' | 'Answers' | 'Network' | 'Limits' | 'Log';
  /** The environment variable without prefix; the one with `ENV_PREFIX` takes precedence. */
  readonly env: string;
  /** The long flag, without its dashes; undefined for secrets, which must not show in a process list. */
  readonly flag: string | undefined;
  /** The short flag, without its dash. */
  readonly short?: string;
  /** Placeholder of the value in the help. */
  readonly placeholder: string;
  readonly help: string;
  readonly defaultValue: T;
  /** The default as the help and the README show it, which is independent of this machine. */
  readonly defaultText: string;
  /** Converts the text to the value; throws `Expected` if the text is invalid. */
  readonly parse: (text: string) => T;
}

/** Describes the expected value; its message follows "expected". */
class Expected extends Error {}

/** A setting that can't be used. Its message is one line that names the setting. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Every variable is also read with this prefix: other programs export `HOST`, `PORT` and `WORKERS` for purposes of their own. */
export const ENV_PREFIX = 'VERBATIM_';

const SAMPLE = fileURLToPath(new URL('../data/sample.json', import.meta.url));
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
const LOG_FORMATS = ['auto', 'json', 'pretty'] as const;
const ENGINES = ['auto', 'sweep', 'index'] as const;
const ON_MISS = ['error', 'fallback'] as const;
const MISS_STATUSES = [400, 404, 422] as const;
const MAX_TOKENS = ['tolerant', 'exact', 'ignore'] as const;
const USAGE = ['count', 'estimate'] as const;

/** The worker threads of a server, and of `check`, unless the setting gives another number. */
export const WORKERS_DEFAULT = Math.min(availableParallelism(), WORKERS_MAX);

/** Every setting, in the order of the help: the settings of a group are adjacent. */
export const OPTIONS = {
  dataset: {
    group: 'Dataset',
    env: 'DATASET',
    flag: 'dataset',
    placeholder: 'FILES',
    help: 'Datasets, separated by colons: each a JSON array of conversations, or JSON lines. A dataset is served as a model that has the name of its file, or NAME if given as `NAME=FILE`. Arguments do the same',
    defaultValue: [{ id: 'sample', path: SAMPLE }],
    defaultText: 'the sample in `data/`',
    parse: (value) => modelsOf(value.split(':')),
  },
  workers: {
    group: 'Dataset',
    env: 'WORKERS',
    flag: 'workers',
    placeholder: 'N',
    help: 'Worker threads that read the dataset',
    defaultValue: WORKERS_DEFAULT,
    defaultText: "the machine's cores",
    parse: wholeNumber(1, WORKERS_MAX),
  },
  engine: {
    group: 'Dataset',
    env: 'ENGINE',
    flag: 'engine',
    placeholder: 'ENGINE',
    help: 'How replies are found: `sweep` reads the dataset for each lookup; `index` keeps keys of all turns in memory; `auto` sweeps until the index is ready',
    defaultValue: 'auto',
    defaultText: '`auto`',
    parse: oneOf(ENGINES),
  },
  indexDir: {
    group: 'Dataset',
    env: 'INDEX_DIR',
    flag: 'index-dir',
    placeholder: 'FOLDER',
    help: 'Folder where the index is saved for the next start; `none` saves nothing',
    defaultValue: undefined,
    defaultText: "beside the dataset, else the user's cache folder",
    parse: folder,
  },
  onMiss: {
    group: 'Answers',
    env: 'ON_MISS',
    flag: 'on-miss',
    placeholder: 'POLICY',
    help: 'Answer to a prompt without a recorded reply: `error` has the status `MISS_STATUS`; `fallback` is 200 with the text of `FALLBACK_TEXT`',
    defaultValue: 'error',
    defaultText: '`error`',
    parse: oneOf(ON_MISS),
  },
  fallbackText: {
    group: 'Answers',
    env: 'FALLBACK_TEXT',
    flag: 'fallback-text',
    placeholder: 'TEXT',
    help: 'Reply to a prompt without a recorded reply, with `ON_MISS=fallback`',
    defaultValue: 'No recorded reply for this prompt.',
    defaultText: '`No recorded reply for this prompt.`',
    parse: text,
  },
  missStatus: {
    group: 'Answers',
    env: 'MISS_STATUS',
    flag: 'miss-status',
    placeholder: 'STATUS',
    help: 'HTTP status of the error for a prompt without a recorded reply: 404, 400 or 422. Some gateways take a 404 for an outage',
    defaultValue: 404,
    defaultText: '`404`',
    parse: oneNumberOf(MISS_STATUSES),
  },
  maxTokens: {
    group: 'Answers',
    env: 'MAX_TOKENS',
    flag: 'max-tokens',
    placeholder: 'MODE',
    help: 'How `max_tokens` cuts replies: `exact`; `tolerant`, only below nine tenths of the reply, because load generators count with a tokenizer of their own; `ignore`, never',
    defaultValue: 'tolerant',
    defaultText: '`tolerant`',
    parse: oneOf(MAX_TOKENS),
  },
  usage: {
    group: 'Answers',
    env: 'USAGE',
    flag: 'usage',
    placeholder: 'MODE',
    help: 'How tokens are counted: `count` runs a tokenizer in a thread of its own; `estimate` takes four bytes as one token',
    defaultValue: 'count',
    defaultText: '`count`',
    parse: oneOf(USAGE),
  },
  tokenizer: {
    group: 'Answers',
    env: 'TOKENIZER',
    flag: 'tokenizer',
    placeholder: 'NAME',
    help: "Tokenizer that counts: `o200k_base` is that of OpenAI's models since GPT-4o, `cl100k_base` that of the models before",
    defaultValue: 'o200k_base',
    defaultText: '`o200k_base`',
    parse: oneOf(TOKENIZERS),
  },
  strictModels: {
    group: 'Answers',
    env: 'STRICT_MODELS',
    flag: 'strict-models',
    placeholder: '0|1',
    help: "With 1, only the datasets' own model names are answered; with 0, any other name searches all datasets in order",
    defaultValue: false,
    defaultText: '`0`',
    parse: flag,
  },
  host: {
    group: 'Network',
    env: 'HOST',
    flag: 'host',
    placeholder: 'ADDRESS',
    help: 'Address to listen on',
    defaultValue: '127.0.0.1',
    defaultText: '`127.0.0.1`',
    parse: text,
  },
  port: {
    group: 'Network',
    env: 'PORT',
    flag: 'port',
    short: 'p',
    placeholder: 'N',
    help: 'Port to listen on; 0 picks a free one',
    defaultValue: 8000,
    defaultText: '`8000`',
    parse: wholeNumber(0, 65_535),
  },
  apiKeys: {
    group: 'Network',
    env: 'API_KEYS',
    flag: undefined,
    placeholder: 'KEYS',
    help: 'Accepted API keys, separated by commas; or `@` and the path of a file with one key a line, which `SIGHUP` reads again. There is no flag, because process lists show flags',
    defaultValue: [],
    defaultText: 'none: open to all',
    parse: keys,
  },
  corsOrigins: {
    group: 'Network',
    env: 'CORS_ORIGINS',
    flag: 'cors-origins',
    placeholder: 'ORIGINS',
    help: 'Origins whose pages may send requests from a browser, separated by commas; `*` for all',
    defaultValue: [],
    defaultText: 'none',
    parse: origins,
  },
  cacheMb: {
    group: 'Limits',
    env: 'CACHE_MB',
    flag: 'cache-mb',
    placeholder: 'MB',
    help: 'Memory for replies that were found before, in MB; 0 turns the cache off',
    defaultValue: 64,
    defaultText: '`64`',
    parse: wholeNumber(0, 65_536),
  },
  bodyLimitMb: {
    group: 'Limits',
    env: 'BODY_LIMIT_MB',
    flag: 'body-limit-mb',
    placeholder: 'MB',
    help: 'Largest accepted request body, decompressed, in MB',
    defaultValue: 32,
    defaultText: '`32`',
    parse: wholeNumber(1, 256),
  },
  rateLimit: {
    group: 'Limits',
    env: 'RATE_LIMIT',
    flag: 'rate-limit',
    placeholder: 'N',
    help: 'Requests a minute for each key, or for each address if there are no keys; 0 is no limit',
    defaultValue: 0,
    defaultText: '`0`',
    parse: wholeNumber(0, 1_000_000_000),
  },
  requestTimeoutMs: {
    group: 'Limits',
    env: 'REQUEST_TIMEOUT_MS',
    flag: 'request-timeout-ms',
    placeholder: 'MS',
    help: 'Longest time a request waits for its answer, in ms; then it gets 503',
    defaultValue: 600_000,
    defaultText: '`600000`',
    parse: wholeNumber(1, 2_147_483_647),
  },
  drainMs: {
    group: 'Limits',
    env: 'DRAIN_MS',
    flag: 'drain-ms',
    placeholder: 'MS',
    help: 'Longest time that a stop waits for requests in flight, in ms; then it cuts them',
    defaultValue: DRAIN_MS,
    defaultText: '`25000`',
    parse: wholeNumber(0, 2_147_483_647),
  },
  logFormat: {
    group: 'Log',
    env: 'LOG_FORMAT',
    flag: 'log-format',
    placeholder: 'FORMAT',
    help: 'Format of the log: `json`, `pretty`, or `auto`, which is `pretty` on a terminal and `json` elsewhere',
    defaultValue: 'auto',
    defaultText: '`auto`',
    parse: oneOf(LOG_FORMATS),
  },
  logLevel: {
    group: 'Log',
    env: 'LOG_LEVEL',
    flag: 'log-level',
    placeholder: 'LEVEL',
    help: 'Least severe level that is logged, to standard error: `fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`. Only `debug` and `trace` log the beginnings of prompts that were not found',
    defaultValue: 'info',
    defaultText: '`info`',
    parse: oneOf(LOG_LEVELS),
  },
} as const satisfies Record<string, Option<unknown>>;

type Options = typeof OPTIONS;

/** The settings of a run. */
export type Config = { readonly [K in keyof Options]: ReturnType<Options[K]['parse']> };

/**
 * The source of a setting's value: `--port`, `VERBATIM_PORT`, `PORT`, or `arguments`; undefined for a default. Errors name it, because
 * their reader may not know of a variable that another program exports.
 */
export type SourceOf = (setting: keyof Config) => string | undefined;

/** Settings, and the source of each. */
export interface Settings {
  readonly config: Config;
  readonly sourceOf: SourceOf;
}

type Flags = Readonly<Partial<Record<keyof Config, string>>>;
type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the settings. A flag takes precedence over `VERBATIM_PORT`, that over `PORT`, and that over the default; an empty variable counts
 * as unset.
 *
 * @param flags the values of flags
 * @param paths datasets given as arguments
 * @throws ConfigError for an invalid value
 */
export function readSettings(flags: Flags, paths: readonly string[], env: Environment): Settings {
  const [first] = paths;
  if (first !== undefined && flags.dataset !== undefined) {
    throw new ConfigError(`datasets given twice, as '${first}' and by --dataset; expected one of both`);
  }
  const sources = new Map<string, string>();
  const entries = Object.entries<Option<unknown>>(OPTIONS).map(([name, option]) => {
    if (option === OPTIONS.dataset && first !== undefined) {
      sources.set(name, 'arguments');
      return [name, distinct(readModels(paths))];
    }
    const given = givenText(option, flags[name as keyof Config], env);
    if (given === undefined) return [name, option.defaultValue];
    const { source, text } = given;
    sources.set(name, source);
    // Only the settings without a flag are secret.
    const got = option.flag === undefined ? ', got something else' : `, got '${text}'`;
    return [name, named(source, got, () => option.parse(text))];
  });
  return { config: Object.fromEntries(entries) as Config, sourceOf: (setting) => sources.get(setting) };
}

/**
 * Reads datasets given as arguments: each a path, or a name, `=` and a path. A name contains no slash.
 *
 * @throws ConfigError if a path is missing
 */
export function readModels(given: readonly string[]): readonly ModelSpec[] {
  return named('arguments', '', () => given.map(modelOf));
}

/** The text of a setting and its source; undefined if it wasn't given. */
function givenText(
  { flag, env: bare }: Option<unknown>,
  fromFlag: string | undefined,
  env: Environment,
): { readonly source: string; readonly text: string } | undefined {
  if (fromFlag !== undefined) return { source: `--${flag}`, text: fromFlag };
  const isGiven = (name: string) => env[name] !== undefined && env[name] !== '' && !isServiceLink(name, env);
  const source = [`${ENV_PREFIX}${bare}`, bare].find(isGiven);
  return source === undefined ? undefined : { source, text: env[source] as string };
}

/** True for the variable that Kubernetes sets in each pod next to a service called `verbatim`: `VERBATIM_PORT=tcp://10.0.0.11:8000`. */
function isServiceLink(name: string, env: Environment): boolean {
  return name === `${ENV_PREFIX}${OPTIONS.port.env}` && /^(?:tcp|udp|sctp):/.test(env[name] ?? '');
}

/** The settings as the rows of a Markdown table, for docs/settings.md. */
export function settingsTable(): string {
  const rows = Object.values<Option<unknown>>(OPTIONS).map(({ env, flag, short, defaultText, help }) => {
    const flags = [
      ...(short === undefined ? [] : [`-${short}`]),
      ...(flag === undefined ? [] : [`--${flag}`]),
    ];
    return `| \`${env}\` | ${flags.map((each) => `\`${each}\``).join(', ')} | ${defaultText} | ${help} |`;
  });
  return ['| environment | flag | default | what |', '|---|---|---|---|', ...rows].join('\n');
}

/**
 * The result of `parse`.
 *
 * @throws ConfigError that names the source of the value, if `parse` rejects it
 */
function named<T>(source: string, got: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    throw new ConfigError(`${source}: expected ${error.message}${got}`);
  }
}

function text(value: string): string {
  if (value === '') throw new Expected('a value');
  return value;
}

function modelsOf(given: readonly string[]): readonly ModelSpec[] {
  return distinct(given.map(modelOf));
}

function modelOf(given: string): ModelSpec {
  const [, name, path = given] = /^([^/=]+)=(.*)$/s.exec(given) ?? [];
  if (path === '') throw new Expected(given === '' ? 'a file' : `a file after '${given}'`);
  return { id: name ?? basename(path, extname(path)), path };
}

/** @throws ConfigError if two models have the same name */
function distinct(specs: readonly ModelSpec[]): readonly ModelSpec[] {
  const twice = specs.find(({ id }, i) => specs.findIndex((other) => other.id === id) < i);
  if (twice === undefined) return specs;
  throw new ConfigError(
    `two datasets are called '${twice.id}'; expected a name for each, as other=${twice.path}`,
  );
}

function folder(value: string): string | undefined {
  return text(value);
}

/** The source of the keys: given here, or in a file. */
export type KeySource = readonly string[] | { readonly file: string };

function keys(value: string): KeySource {
  if (value.startsWith('@')) {
    if (value.length === 1) throw new Expected('the path of a file after @');
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

/** Defaults for a program that embeds the server, where they differ from the command's: a free port, and no files left on disk. */
const EMBEDDED_DEFAULTS = {
  port: 0,
  indexDir: 'none',
  logLevel: 'silent',
} as const satisfies Partial<Config>;

/**
 * Reads settings that a program passes as values.
 *
 * @param given by the names of settings; an undefined value counts as not given
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
      return named(name, '', () => modelsOf(texts(name, typeof value === 'string' ? [value] : value)));
    case 'apiKeys': {
      const file = (value as { readonly file?: unknown } | null)?.file;
      if (typeof file === 'string') return { file };
      return texts(name, value).map((key) => {
        if (isKey(key)) return key;
        throw new ConfigError(`${name}: expected keys of printable ASCII without spaces`);
      });
    }
    case 'corsOrigins':
      return texts(name, value).flatMap((origin) =>
        named(name, `, got '${origin}'`, () => option.parse(origin)),
      );
  }
  const type = typeof (option.defaultValue ?? '');
  if (typeof value !== type)
    throw new ConfigError(`${name}: expected a ${type}, got ${JSON.stringify(value)}`);
  return type === 'boolean' ? value : named(name, `, got '${value}'`, () => option.parse(String(value)));
}

function texts(name: string, value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
  throw new ConfigError(`${name}: expected a list of strings`);
}

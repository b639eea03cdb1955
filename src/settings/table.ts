/** The settings: one table gives each its flag, environment variable, default, check and help text. */

import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { DRAIN_MS, STREAM_INTERVAL_MAX, WORKERS_MAX } from '../core/limits.js';
import { parseFailures } from '../delivery/failure.js';
import {
  failureSequence,
  failureTypes,
  fieldMap,
  flag,
  folder,
  httpThreads,
  keyPrefix,
  keys,
  loadFactor,
  milliseconds,
  modelsOf,
  names,
  oneNumberOf,
  oneOf,
  origins,
  redactions,
  ruleSource,
  secret,
  share,
  speed,
  storeAddress,
  text,
  tokenizer,
  webAddress,
  wholeNumber,
} from './parsers.js';

/** A setting as the table describes it. */
export interface Option<T> {
  /** The heading that the help lists it under. */
  readonly group:
    | 'Dataset'
    | 'Answers'
    | 'Recording'
    | 'Delivery'
    | 'Failures'
    | 'Store'
    | 'Network'
    | 'Limits'
    | 'Log';
  /** The environment variable without prefix; the one with `ENV_PREFIX` takes precedence. */
  readonly env: string;
  /** The long flag, without its dashes; undefined for secrets, which must not show in a process list. */
  readonly flag: string | undefined;
  /** True if the value may have a password, which errors don't quote. */
  readonly isSecret?: true;
  /** True if other programs export the variable, too: without the prefix, a value that isn't one of this setting is ignored. */
  readonly isCommon?: true;
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

/** Every variable is also read with this prefix: other programs export `HOST`, `PORT` and `WORKERS` for purposes of their own. */
export const ENV_PREFIX = 'VERBATIM_';

const SAMPLE = fileURLToPath(new URL('../../data/sample.json', import.meta.url));
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
const LOG_FORMATS = ['auto', 'json', 'pretty'] as const;
const ENGINES = ['auto', 'sweep', 'index'] as const;
const PREFERRED = ['chosen', 'rejected'] as const;
const SCOPED = ['optional', 'required'] as const;
const ON_MISS = ['error', 'nearest', 'fallback', 'forward', 'record'] as const;
const MODES = ['replay', 'record', 'refresh', 'passthrough'] as const;
const MISS_STATUSES = [400, 404, 422] as const;
const MAX_TOKENS = ['tolerant', 'exact', 'ignore'] as const;
const USAGE = ['count', 'estimate'] as const;

/** The worker threads, unless the setting gives another number. */
const WORKERS_DEFAULT = Math.min(availableParallelism(), WORKERS_MAX);

/** Every setting, in the order of the help: the settings of a group are adjacent. */
export const OPTIONS = {
  dataset: {
    group: 'Dataset',
    env: 'DATASET',
    flag: 'dataset',
    placeholder: 'FILES',
    help: 'Datasets, separated by colons: files of [any known format](formats.md). A dataset is served as a model that has the name of its file, or NAME if given as `NAME=FILE`; `-` is standard input. Arguments do the same',
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
    help: 'How replies are found: `sweep` reads the dataset for each lookup; `index` keeps keys of all turns in memory; `auto` sweeps until the index is ready. The start line names the one in use',
    defaultValue: 'auto',
    defaultText: '`auto`',
    parse: oneOf(ENGINES),
  },
  indexDir: {
    group: 'Dataset',
    env: 'INDEX_DIR',
    flag: 'index-dir',
    placeholder: 'FOLDER',
    help: 'Folder for what is saved for the next start: the index, and the JSON lines of a dataset that is converted. `none` saves nothing',
    defaultValue: undefined,
    defaultText: "beside the dataset, else the user's cache folder",
    parse: folder,
  },
  split: {
    group: 'Dataset',
    env: 'SPLIT',
    flag: 'split',
    placeholder: 'NAMES',
    help: 'Splits that are served, separated by commas, such as `train`: [files of a folder, or lists of an object](datasets.md)',
    defaultValue: [],
    defaultText: 'all',
    parse: names,
  },
  map: {
    group: 'Dataset',
    env: 'MAP',
    flag: 'map',
    placeholder: 'FIELDS',
    help: 'Fields of the records, if verbatim does not know their shape: `prompt=KEY,reply=KEY`, and `system=KEY`. One dataset has them after its path: `FILE?prompt=KEY,reply=KEY`',
    defaultValue: undefined,
    defaultText: 'the [shape](formats.md) of each record',
    parse: fieldMap,
  },
  prefer: {
    group: 'Dataset',
    env: 'PREFER',
    flag: 'prefer',
    placeholder: 'REPLY',
    help: 'Reply of records that have two: `chosen` or `rejected`',
    defaultValue: 'chosen',
    defaultText: '`chosen`',
    parse: oneOf(PREFERRED),
  },
  onMiss: {
    group: 'Answers',
    env: 'ON_MISS',
    flag: 'on-miss',
    placeholder: 'POLICY',
    help: 'Answer to a prompt without a recorded reply, and to an id that was never stored. `error`: an error, of the status `MISS_STATUS` for a prompt; `nearest`: the reply to [the nearest turn](matching.md), if its score is at least `NEAREST_MIN`, else an error; `fallback`: `FALLBACK_TEXT` with status 200; `forward`: what `UPSTREAM` answers; `record`: the same, and it is [recorded](recording.md)',
    defaultValue: 'error',
    defaultText: '`error`',
    parse: oneOf(ON_MISS),
  },
  normalize: {
    group: 'Answers',
    env: 'NORMALIZE',
    flag: 'normalize',
    placeholder: 'RULES',
    help: 'Parts of prompts that do not matter: some of `dates`, `uuids` and `numbers`, separated by commas; or `@` and the path of a file with [a rule](matching.md) a line. Needs an index',
    defaultValue: [],
    defaultText: 'none',
    parse: ruleSource,
  },
  nearestMin: {
    group: 'Answers',
    env: 'NEAREST_MIN',
    flag: 'nearest-min',
    placeholder: 'SCORE',
    help: 'Least [score](matching.md) of a turn that answers with `ON_MISS=nearest`, 0 to 1',
    defaultValue: 0.9,
    defaultText: '`0.9`',
    parse: share,
  },
  journal: {
    group: 'Answers',
    env: 'JOURNAL',
    flag: 'journal',
    placeholder: 'COUNT',
    help: 'Latest requests that are kept in memory for `GET /api/requests`; 0 keeps none',
    defaultValue: 0,
    defaultText: '`0`',
    parse: wholeNumber(0, 1_000_000),
  },
  scoped: {
    group: 'Answers',
    env: 'SCOPED',
    flag: 'scoped',
    placeholder: 'MODE',
    help: 'Whether requests with a body, except `POST /api/replies` and `POST /api/failures`, must name their test in the header `x-test-id`: `optional` or `required`',
    defaultValue: 'optional',
    defaultText: '`optional`',
    parse: oneOf(SCOPED),
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
    help: 'How `max_tokens` cuts replies: `exact` cuts always; `tolerant` only if the limit is below nine tenths of the reply, since load generators have tokenizers of their own; `ignore` never',
    defaultValue: 'tolerant',
    defaultText: '`tolerant`',
    parse: oneOf(MAX_TOKENS),
  },
  usage: {
    group: 'Answers',
    env: 'USAGE',
    flag: 'usage',
    placeholder: 'MODE',
    help: 'How tokens are counted: `count` by the tokenizer; `estimate` takes four bytes as one token',
    defaultValue: 'count',
    defaultText: '`count`',
    parse: oneOf(USAGE),
  },
  tokenizer: {
    group: 'Answers',
    env: 'TOKENIZER',
    flag: 'tokenizer',
    placeholder: 'NAME',
    help: "Tokenizer: `o200k_base`, of OpenAI's models since GPT-4o, or `cl100k_base`, of earlier ones; or the path of the `tokenizer.json` of [another model](simulation.md)",
    defaultValue: 'o200k_base',
    defaultText: '`o200k_base`',
    parse: tokenizer,
  },
  strictModels: {
    group: 'Answers',
    env: 'STRICT_MODELS',
    flag: 'strict-models',
    placeholder: '0|1',
    help: "With 1, only the models' own names are accepted; with 0, any other name searches all datasets in order",
    defaultValue: false,
    defaultText: '`0`',
    parse: flag,
  },
  mode: {
    group: 'Recording',
    env: 'MODE',
    flag: 'mode',
    isCommon: true,
    placeholder: 'MODE',
    help: 'When `UPSTREAM` is asked: `replay` never; `record` for prompts without a reply, and its answers are recorded; `refresh` always, and they are recorded again; `passthrough` always, and nothing is recorded',
    defaultValue: undefined,
    defaultText:
      'as `ON_MISS` says; else `record` with `UPSTREAM` and `RECORD_TO`, and with `UPSTREAM` alone what `ON_MISS=forward` does',
    parse: (value): (typeof MODES)[number] | undefined => oneOf(MODES)(value),
  },
  recordTo: {
    group: 'Recording',
    env: 'RECORD_TO',
    flag: 'record',
    placeholder: 'FILE',
    help: '[Recordings](recording.md): JSON lines that recorded answers are appended to. They answer before all datasets. Without `DATASET`, only they do',
    defaultValue: undefined,
    defaultText: 'none',
    parse: (value): string | undefined => text(value),
  },
  upstream: {
    group: 'Recording',
    env: 'UPSTREAM',
    flag: 'upstream',
    isSecret: true,
    placeholder: 'URL',
    help: "Server that is asked, as OpenAI's clients have it: `https://api.openai.com/v1`",
    defaultValue: undefined,
    defaultText: 'none',
    parse: webAddress,
  },
  upstreamKey: {
    group: 'Recording',
    env: 'UPSTREAM_KEY',
    flag: undefined,
    isSecret: true,
    placeholder: 'KEY',
    help: 'Its API key; or `@` and the path of a file that has it. There is no flag, because process lists show flags',
    defaultValue: undefined,
    defaultText: "the client's own key, unless there are `API_KEYS`",
    parse: secret,
  },
  upstreamAnthropic: {
    group: 'Recording',
    env: 'UPSTREAM_ANTHROPIC',
    flag: 'upstream-anthropic',
    isSecret: true,
    placeholder: 'URL',
    help: 'Server that requests of `/v1/messages` go to: `https://api.anthropic.com`',
    defaultValue: undefined,
    defaultText: '`UPSTREAM`',
    parse: webAddress,
  },
  upstreamAnthropicKey: {
    group: 'Recording',
    env: 'UPSTREAM_ANTHROPIC_KEY',
    flag: undefined,
    isSecret: true,
    placeholder: 'KEY',
    help: 'Its API key; or `@` and the path of a file that has it',
    defaultValue: undefined,
    defaultText: "the client's own key, unless there are `API_KEYS`",
    parse: secret,
  },
  upstreamModel: {
    group: 'Recording',
    env: 'UPSTREAM_MODEL',
    flag: 'upstream-model',
    placeholder: 'NAME',
    help: 'Model that is asked, in place of the one that the client names',
    defaultValue: undefined,
    defaultText: "the client's",
    parse: (value): string | undefined => text(value),
  },
  upstreamTimeoutMs: {
    group: 'Recording',
    env: 'UPSTREAM_TIMEOUT_MS',
    flag: 'upstream-timeout-ms',
    placeholder: 'MS',
    help: 'Longest time that an upstream may send nothing, in ms',
    defaultValue: 600_000,
    defaultText: '`600000`',
    parse: wholeNumber(1, 2_147_483_647),
  },
  redact: {
    group: 'Recording',
    env: 'REDACT',
    flag: 'redact',
    placeholder: 'LIST',
    help: 'What is [left out of recordings](recording.md#secrets), separated by commas: names of fields, or `/EXPRESSION/FLAGS`',
    defaultValue: [],
    defaultText: 'none',
    parse: redactions,
  },
  recordAllowRemote: {
    group: 'Recording',
    env: 'RECORD_ALLOW_REMOTE',
    flag: 'record-allow-remote',
    placeholder: '0|1',
    help: 'With 1, a server that others than this machine can reach may ask an upstream',
    defaultValue: false,
    defaultText: '`0`',
    parse: flag,
  },
  timeToFirstToken: {
    group: 'Delivery',
    env: 'TIME_TO_FIRST_TOKEN',
    flag: 'time-to-first-token',
    placeholder: 'MS',
    help: 'Time from a request to the first token of its answer, in ms',
    defaultValue: 0,
    defaultText: '`0`',
    parse: milliseconds,
  },
  timeToFirstTokenStdDev: {
    group: 'Delivery',
    env: 'TIME_TO_FIRST_TOKEN_STD_DEV',
    flag: 'time-to-first-token-std-dev',
    placeholder: 'MS',
    help: 'Standard deviation of that time, in ms: it is normally distributed, and never below 0',
    defaultValue: 0,
    defaultText: '`0`',
    parse: milliseconds,
  },
  prefillTimePerToken: {
    group: 'Delivery',
    env: 'PREFILL_TIME_PER_TOKEN',
    flag: 'prefill-time-per-token',
    placeholder: 'MS',
    help: 'Time for each token of the prompt, in ms, in addition to `TIME_TO_FIRST_TOKEN`',
    defaultValue: 0,
    defaultText: '`0`',
    parse: milliseconds,
  },
  interTokenLatency: {
    group: 'Delivery',
    env: 'INTER_TOKEN_LATENCY',
    flag: 'inter-token-latency',
    placeholder: 'MS',
    help: 'Time from one token to the next, in ms',
    defaultValue: 0,
    defaultText: '`0`',
    parse: milliseconds,
  },
  interTokenLatencyStdDev: {
    group: 'Delivery',
    env: 'INTER_TOKEN_LATENCY_STD_DEV',
    flag: 'inter-token-latency-std-dev',
    placeholder: 'MS',
    help: 'Standard deviation of that time, in ms',
    defaultValue: 0,
    defaultText: '`0`',
    parse: milliseconds,
  },
  latencyProfile: {
    group: 'Delivery',
    env: 'LATENCY_PROFILE',
    flag: 'latency-profile',
    placeholder: 'FILE',
    help: 'JSON file with [the times of a measured server](simulation.md), by tokens, in place of the constant ones',
    defaultValue: undefined,
    defaultText: 'none',
    parse: (value): string | undefined => text(value),
  },
  timeFactorUnderLoad: {
    group: 'Delivery',
    env: 'TIME_FACTOR_UNDER_LOAD',
    flag: 'time-factor-under-load',
    placeholder: 'FACTOR',
    help: 'Factor of all times while `MAX_NUM_SEQS` requests run, at least 1; with fewer requests it is proportionally closer to 1',
    defaultValue: 1,
    defaultText: '`1`',
    parse: loadFactor,
  },
  maxNumSeqs: {
    group: 'Delivery',
    env: 'MAX_NUM_SEQS',
    flag: 'max-num-seqs',
    placeholder: 'N',
    help: 'Requests for answers of a model that run at the same time; 0 is no limit',
    defaultValue: 0,
    defaultText: '`0`',
    parse: wholeNumber(0, 1_000_000),
  },
  maxWaiting: {
    group: 'Delivery',
    env: 'MAX_WAITING',
    flag: 'max-waiting',
    placeholder: 'N',
    help: 'Requests that wait while `MAX_NUM_SEQS` run; further ones get 429',
    defaultValue: 1000,
    defaultText: '`1000`',
    parse: wholeNumber(0, 1_000_000),
  },
  streamInterval: {
    group: 'Delivery',
    env: 'STREAM_INTERVAL',
    flag: 'stream-interval',
    placeholder: 'TOKENS',
    help: 'Tokens in each chunk of a stream; 0 is one with delays, and without any, a word',
    defaultValue: 0,
    defaultText: '`0`',
    parse: wholeNumber(0, STREAM_INTERVAL_MAX),
  },
  replaySpeed: {
    group: 'Delivery',
    env: 'REPLAY_SPEED',
    flag: 'replay-speed',
    placeholder: 'FACTOR',
    help: 'Speed at which replies with recorded `timings` are replayed: 1 as recorded, 2 in half the time; 0 ignores them',
    defaultValue: 0,
    defaultText: '`0`',
    parse: speed,
  },
  seed: {
    group: 'Delivery',
    env: 'SEED',
    flag: 'seed',
    placeholder: 'N',
    help: 'Seed of all delays and failures: the same requests in the same order get the same ones',
    defaultValue: undefined,
    defaultText: 'random',
    parse: (value): number | undefined => wholeNumber(0, Number.MAX_SAFE_INTEGER)(value),
  },
  maxModelLen: {
    group: 'Delivery',
    env: 'MAX_MODEL_LEN',
    flag: 'max-model-len',
    placeholder: 'TOKENS',
    help: 'Context length of the models, in tokens: a prompt that is longer, together with the tokens that are asked for, gets 400 `context_length_exceeded`; 0 is no limit',
    defaultValue: 0,
    defaultText: '`0`',
    parse: wholeNumber(0, 1_000_000_000),
  },
  kvCacheTokens: {
    group: 'Delivery',
    env: 'KV_CACHE_TOKENS',
    flag: 'kv-cache-tokens',
    placeholder: 'TOKENS',
    help: 'Tokens in flight at which `vllm:kv_cache_usage_perc` is 1; 0 leaves it at 0',
    defaultValue: 0,
    defaultText: '`0`',
    parse: wholeNumber(0, 1_000_000_000_000),
  },
  allowOverrides: {
    group: 'Delivery',
    env: 'ALLOW_OVERRIDES',
    flag: 'allow-overrides',
    placeholder: '0|1',
    help: 'With 1, the headers `x-verbatim-delay`, `x-verbatim-fail` and `x-return-error` of a request set its own [delays and failures](simulation.md)',
    defaultValue: true,
    defaultText: '`1`',
    parse: flag,
  },
  failSequence: {
    group: 'Failures',
    env: 'FAIL_SEQUENCE',
    flag: 'fail-sequence',
    placeholder: 'FAILURES',
    help: '[Failures](simulation.md) of one request after the other, separated by commas: `429*2,200,cut@3`; then all is well, or with `loop` at the end they begin again',
    defaultValue: undefined,
    defaultText: 'none',
    parse: failureSequence,
  },
  failRate: {
    group: 'Failures',
    env: 'FAIL_RATE',
    flag: 'fail-rate',
    placeholder: 'SHARE',
    help: 'Share of requests that fail, 0 to 1',
    defaultValue: 0,
    defaultText: '`0`',
    parse: share,
  },
  failTypes: {
    group: 'Failures',
    env: 'FAIL_TYPES',
    flag: 'fail-types',
    placeholder: 'FAILURES',
    help: 'Failures with `FAIL_RATE`, separated by commas, each as likely as the others',
    defaultValue: parseFailures('429,500,503'),
    defaultText: '`429,500,503`',
    parse: failureTypes,
  },
  store: {
    group: 'Store',
    env: 'STORE',
    flag: 'store',
    isSecret: true,
    placeholder: 'URLS',
    help: 'Redis or Valkey that several servers share, as `redis://USER@HOST:6379`; some servers of a cluster, separated by commas. `rediss://` encrypts, `valkey://` and `valkeys://` are the same',
    defaultValue: undefined,
    defaultText: 'none: state is kept in memory',
    parse: storeAddress,
  },
  model: {
    group: 'Store',
    env: 'MODEL',
    flag: 'model',
    placeholder: 'NAMES',
    help: 'Datasets in the store that are served, separated by commas: the names that [`verbatim load`](scale.md) gave them. Without `DATASET`, no file is served. Other programs have a variable `MODEL`, which counts only with `STORE`',
    defaultValue: [],
    defaultText: 'none',
    parse: names,
  },
  storePassword: {
    group: 'Store',
    env: 'STORE_PASSWORD',
    flag: undefined,
    isSecret: true,
    placeholder: 'PASSWORD',
    help: 'Its password, if the URL has none; or `@` and the path of a file that has it. There is no flag, because process lists show flags',
    defaultValue: undefined,
    defaultText: 'none',
    parse: secret,
  },
  storePrefix: {
    group: 'Store',
    env: 'STORE_PREFIX',
    flag: 'store-prefix',
    placeholder: 'TEXT',
    help: 'Beginning of all keys in the store',
    defaultValue: 'verbatim:',
    defaultText: '`verbatim:`',
    parse: keyPrefix,
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
  httpThreads: {
    group: 'Network',
    env: 'HTTP_THREADS',
    flag: 'http-threads',
    placeholder: 'N',
    help: 'Threads that answer requests, each a [process of its own](scale.md); `auto` is one less than there are cores',
    defaultValue: 1,
    defaultText: '`1`',
    parse: httpThreads,
  },
  apiKeys: {
    group: 'Network',
    env: 'API_KEYS',
    flag: undefined,
    isSecret: true,
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
    help: 'Longest time that a stop waits for requests in flight, in ms; then it aborts them',
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

/** The name of a setting in the table. */
export type SettingName = keyof Options;

type Values = { readonly [K in SettingName]: ReturnType<Options[K]['parse']> };

/** The settings that a model may have for itself, by the keys that group them in a settings file. */
export const MODEL_SETTINGS = {
  latency: [
    'timeToFirstToken',
    'timeToFirstTokenStdDev',
    'prefillTimePerToken',
    'interTokenLatency',
    'interTokenLatencyStdDev',
    'latencyProfile',
    'timeFactorUnderLoad',
    'maxNumSeqs',
    'maxWaiting',
    'streamInterval',
    'replaySpeed',
    'maxModelLen',
    'kvCacheTokens',
  ],
  failures: ['failSequence', 'failRate', 'failTypes'],
} as const satisfies Readonly<Record<string, readonly SettingName[]>>;

/** The settings of one model. Those that are missing have the values of all models. */
export type ModelSettings = Partial<
  Pick<Values, (typeof MODEL_SETTINGS)[keyof typeof MODEL_SETTINGS][number]>
>;

/** The settings of a run. */
export interface Config extends Values {
  /** By the names of models. It has no prototype: a model may be called `constructor`. */
  readonly models: Readonly<Record<string, ModelSettings>>;
}

/**
 * The settings as the rows of a Markdown table, for docs/settings.md.
 *
 * @param groups those of these groups; by default, all
 */
export function settingsTable(groups?: readonly Option<unknown>['group'][]): string {
  const options = Object.values<Option<unknown>>(OPTIONS).filter(
    ({ group }) => groups === undefined || groups.includes(group),
  );
  const rows = options.map(({ env, flag, short, defaultText, help }) => {
    const flags = [
      ...(short === undefined ? [] : [`-${short}`]),
      ...(flag === undefined ? [] : [`--${flag}`]),
    ];
    return `| \`${env}\` | ${flags.map((each) => `\`${each}\``).join(', ')} | ${defaultText} | ${help} |`;
  });
  return ['| environment | flag | default | what |', '|---|---|---|---|', ...rows].join('\n');
}

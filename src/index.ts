/// <reference lib="esnext.disposable" preserve="true" />
/** The library: a server inside the process that calls `serve`. The package exports only this module. */

import { createLogger } from './cli/logger.js';
import { VERSION } from './cli/manifest.js';
import { DatasetError as DatasetErrorClass } from './dataset/dataset-error.js';
import { ListenError as ListenErrorClass } from './http/listening.js';
import { type Listening, serve as run } from './http/serve-at-once.js';
import { ConfigError as ConfigErrorClass } from './settings/config-error.js';
import { readOptions } from './settings/read-options.js';
import { OneTest, Scope } from './testing/scope.js';
import type { NamedScope, TestScope } from './testing/types.js';

export type * from './testing/types.js';

/**
 * The settings of the command, which docs/settings.md describes. A setting that is left out or undefined has the command's default, unless
 * noted otherwise here. The environment is not read.
 */
export interface ServeOptions {
  /** Paths of datasets, each served as a model with the name of its file, or as `NAME` if given as `NAME=FILE`. Default: the sample. */
  readonly dataset?: string | readonly string[] | undefined;
  /** Address to listen on. */
  readonly host?: string | undefined;
  /** Port to listen on. Default: 0, which picks a free one. */
  readonly port?: number | undefined;
  /** Number of worker threads that read the datasets. */
  readonly workers?: number | undefined;
  /** How replies are found. */
  readonly engine?: 'auto' | 'sweep' | 'index' | undefined;
  /** Folder for what is saved for the next start. Default: `none`, which saves nothing. */
  readonly indexDir?: string | undefined;
  /** Splits that are served, such as `train`. Default: all. */
  readonly split?: string | readonly string[] | undefined;
  /** Fields of the records, if verbatim does not know their shape: `prompt=question,reply=answer`. */
  readonly map?: string | undefined;
  /** Reply of records that have two. Default: `chosen`. */
  readonly prefer?: 'chosen' | 'rejected' | undefined;
  /** Answer to a prompt without a recorded reply, and to an id that was never stored. */
  readonly onMiss?: 'error' | 'nearest' | 'fallback' | 'forward' | 'record' | undefined;
  /** Parts of prompts that do not matter: `dates`, `uuids`, `numbers`; or a file with a rule a line. */
  readonly normalize?: readonly ('dates' | 'uuids' | 'numbers')[] | { readonly file: string } | undefined;
  /** Least score of a turn that answers, with `onMiss: 'nearest'`. Default: 0.9. */
  readonly nearestMin?: number | undefined;
  /** Reply to such a prompt, with `onMiss: 'fallback'`. */
  readonly fallbackText?: string | undefined;
  /** HTTP status of the error for such a prompt, with `onMiss: 'error'`. Default: 404. */
  readonly missStatus?: 400 | 404 | 422 | undefined;
  /** Number of requests that `requests` keeps; 0 keeps none. Default: 1,000. */
  readonly journal?: number | undefined;
  /** Whether requests with a body, except `POST /api/replies` and `POST /api/failures`, must name their test, as those of a `scope` do. Default: `optional`. */
  readonly scoped?: 'optional' | 'required' | undefined;
  /** How `max_tokens` cuts replies. */
  readonly maxTokens?: 'tolerant' | 'exact' | 'ignore' | undefined;
  /** How tokens are counted. Default: `estimate`: `count` takes some 15 MB for a vocabulary, and counts turns ahead. */
  readonly usage?: 'count' | 'estimate' | undefined;
  /** The tokenizer that counts them; `file` is the path of a `tokenizer.json` of Hugging Face. */
  readonly tokenizer?: 'o200k_base' | 'cl100k_base' | { readonly file: string } | undefined;
  /** When `upstream` is asked. Default: as `onMiss` says; else for prompts without a reply, if there is an `upstream`. */
  readonly mode?: 'replay' | 'record' | 'refresh' | 'passthrough' | undefined;
  /** Path of a file of recordings, which answer before all datasets. Without `dataset`, only they do. Default: none. */
  readonly recordTo?: string | undefined;
  /** Server that is asked: `https://api.openai.com/v1`. */
  readonly upstream?: string | undefined;
  /** Its API key, or a file that has it. Default: the client's own key. */
  readonly upstreamKey?: string | { readonly file: string } | undefined;
  /** Server that requests of `/v1/messages` go to: `https://api.anthropic.com`. Default: `upstream`. */
  readonly upstreamAnthropic?: string | undefined;
  /** Its API key, or a file that has it. Default: the client's own key. */
  readonly upstreamAnthropicKey?: string | { readonly file: string } | undefined;
  /** Model that is asked, in place of the one that the client names. */
  readonly upstreamModel?: string | undefined;
  /** Longest time that an upstream may send nothing, in ms. */
  readonly upstreamTimeoutMs?: number | undefined;
  /** What is left out of recordings: names of fields, or `/EXPRESSION/FLAGS`. Default: nothing. */
  readonly redact?: string | readonly string[] | undefined;
  /** If true, a server that others than this machine can reach may ask an upstream. */
  readonly recordAllowRemote?: boolean | undefined;
  /** Time from a request to the first token of its answer, in ms. */
  readonly timeToFirstToken?: number | undefined;
  /** Standard deviation of that time, in ms. */
  readonly timeToFirstTokenStdDev?: number | undefined;
  /** Time for each token of the prompt, in ms, in addition to `timeToFirstToken`. */
  readonly prefillTimePerToken?: number | undefined;
  /** Time from one token to the next, in ms. */
  readonly interTokenLatency?: number | undefined;
  /** Standard deviation of that time, in ms. */
  readonly interTokenLatencyStdDev?: number | undefined;
  /** Path of a JSON file with the times of a measured server. */
  readonly latencyProfile?: string | undefined;
  /** Factor of all times while `maxNumSeqs` requests run. */
  readonly timeFactorUnderLoad?: number | undefined;
  /** Requests for answers of a model that run at the same time; 0 is no limit. */
  readonly maxNumSeqs?: number | undefined;
  /** Requests that wait while `maxNumSeqs` run; further ones get 429. */
  readonly maxWaiting?: number | undefined;
  /** Tokens in each chunk of a stream. */
  readonly streamInterval?: number | undefined;
  /** Speed at which replies with recorded times are replayed; 0 ignores the times. */
  readonly replaySpeed?: number | undefined;
  /** Seed of all delays and failures. Default: random. */
  readonly seed?: number | undefined;
  /** Context length of the models, in tokens; 0 is no limit. */
  readonly maxModelLen?: number | undefined;
  /** Tokens in flight at which the metric `vllm:kv_cache_usage_perc` is 1. */
  readonly kvCacheTokens?: number | undefined;
  /** If false, no header of a request sets its own delays and failures. */
  readonly allowOverrides?: boolean | undefined;
  /** Failures of one request after the other: `429*2,200,cut@3`. */
  readonly failSequence?: string | undefined;
  /** Share of requests that fail, 0 to 1. */
  readonly failRate?: number | undefined;
  /** Failures with `failRate`, separated by commas. Default: `429,500,503`. */
  readonly failTypes?: string | undefined;
  /** If true, only the names of the models are accepted. */
  readonly strictModels?: boolean | undefined;
  /** Settings of single models, by their names, in place of those of all models. */
  readonly models?: Readonly<Record<string, ModelOptions>> | undefined;
  /** Redis or Valkey that several servers share: `redis://host:6379`, or some servers of a cluster, separated by commas. */
  readonly store?: string | undefined;
  /** Names of datasets in it that are served. Without `dataset`, no file is served. Default: none. */
  readonly model?: string | readonly string[] | undefined;
  /** Its password, or a file that has it. */
  readonly storePassword?: string | { readonly file: string } | undefined;
  /** Beginning of all keys in it. Default: `verbatim:`. */
  readonly storePrefix?: string | undefined;
  /** Memory for replies that were found before, in MB. */
  readonly cacheMb?: number | undefined;
  /** Largest accepted request body, decompressed, in MB. */
  readonly bodyLimitMb?: number | undefined;
  /** Accepted API keys, or a file with one key a line. */
  readonly apiKeys?: readonly string[] | { readonly file: string } | undefined;
  /** Origins whose pages may send requests from a browser; `*` for all. */
  readonly corsOrigins?: readonly string[] | undefined;
  /** Requests a minute for each key, or for each address if there are no keys; 0 is no limit. */
  readonly rateLimit?: number | undefined;
  /** Longest time a request waits for its answer, in ms. */
  readonly requestTimeoutMs?: number | undefined;
  /** Longest time that `close` waits for requests in flight, in ms. */
  readonly drainMs?: number | undefined;
  /** Format of the log. */
  readonly logFormat?: 'auto' | 'json' | 'pretty' | undefined;
  /** Least severe level that is logged, to standard error. Default: `silent`. */
  readonly logLevel?: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent' | undefined;
}

/** The settings that a model may have for itself. One that is left out or undefined has the value of all models. */
export type ModelOptions = Pick<
  ServeOptions,
  | 'timeToFirstToken'
  | 'timeToFirstTokenStdDev'
  | 'prefillTimePerToken'
  | 'interTokenLatency'
  | 'interTokenLatencyStdDev'
  | 'latencyProfile'
  | 'timeFactorUnderLoad'
  | 'maxNumSeqs'
  | 'maxWaiting'
  | 'streamInterval'
  | 'replaySpeed'
  | 'maxModelLen'
  | 'kvCacheTokens'
  | 'failSequence'
  | 'failRate'
  | 'failTypes'
>;

/** A running server. `await using` closes it. */
export interface VerbatimServer extends TestScope, AsyncDisposable {
  /** Its address: `http://127.0.0.1:49152`. */
  readonly url: string;
  /** What OpenAI's clients call the base URL: `http://127.0.0.1:49152/v1`. */
  readonly baseURL: string;
  /** The names of its models. */
  readonly models: readonly string[];
  /**
   * The replies of one test, and what it asked, for tests that run side by side: its requests have the header `x-test-id`.
   *
   * @param id printable ASCII, without spaces
   * @throws ConfigError for any other id, Error if the server was closed
   */
  scope(id: string): NamedScope;
  /**
   * Answers the requests in flight, then stops listening and ends all threads. Nothing of the server keeps the process alive after that.
   * Further calls return the same promise.
   *
   * @throws DatasetError if the server had stopped by itself, because the rest of a dataset is invalid
   */
  close(): Promise<void>;
}

/** An error of `serve`. Its message is one line. */
export interface ServeError<Name extends string> extends Error {
  readonly name: Name;
}

/** The class of such errors, for `instanceof`. */
export type ServeErrorClass<Name extends string> = abstract new (...args: never[]) => ServeError<Name>;

/** An option is unknown or invalid. */
export const ConfigError: ServeErrorClass<'ConfigError'> = ConfigErrorClass;

/** A dataset can't be served. */
export const DatasetError: ServeErrorClass<'DatasetError'> = DatasetErrorClass;

/** The address can't be used. */
export const ListenError: ServeErrorClass<'ListenError'> = ListenErrorClass;

/**
 * Starts a server. Resolves when it listens: it answers from then on, and reads the rest of large datasets meanwhile. A process may have
 * several servers. None of them writes to standard output or handles signals. A bug in a server is an uncaught exception of the process.
 *
 * @throws ConfigError if an option is unknown or invalid, DatasetError if a dataset can't be served, ListenError if the address can't be
 *     used. Their messages are one line.
 */
export async function serve(options: ServeOptions = {}): Promise<VerbatimServer> {
  const config = readOptions(options);
  const stop = new AbortController();
  const atEnd: (() => void)[] = [];
  const loadLogger = async () => createLogger(config, (act) => void atEnd.push(act));
  let onListening: (listening: Listening) => void = () => {};
  const listening = new Promise<Listening>((resolve) => {
    onListening = resolve;
  });
  const surroundings = {
    loadLogger,
    print: () => {},
    version: VERSION,
    signal: stop.signal,
    onHangup: () => {},
  };
  const ended = run(config, { ...surroundings, onListening }).finally(() => {
    for (const act of atEnd) act();
  });
  // close() rejects with the error; until then it must not count as an unhandled rejection.
  ended.catch(() => undefined);
  // Unless it is stopped, the server ends before it listens only if it fails.
  const { url, models, testing } = (await Promise.race([listening, ended])) as Listening;
  const close = () => {
    stop.abort();
    return ended;
  };
  const all = new Scope(testing);
  return {
    url,
    baseURL: `${url}/v1`,
    models,
    reply: (...given) => all.reply(...given),
    fail: (...given) => all.fail(...given),
    reset: () => all.reset(),
    waitForRequest: (...wanted) => all.waitForRequest(...wanted),
    get requests() {
      return all.requests;
    },
    get unmatched() {
      return all.unmatched;
    },
    scope: (id) => new OneTest(testing, id),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** What the main process and the others say to each other. */

import type { TokenizerSource } from '../core/tokens.js';
import type { Published } from '../models/served.js';
import type { Config } from '../settings/table.js';
import type { TokenTasks } from '../workers/token-pool.js';
import type { Channel } from './channel.js';

/** What a child needs to answer as the main process does. */
export interface ChildSettings {
  readonly config: Config;
  readonly version: string;
  /** Its number among all processes that answer: the main process is 1. */
  readonly number: number;
  /** The accepted API keys. Its file may have changed since the main process has read it. */
  readonly keys: readonly string[];
  /** What the tokens in the indexes were counted with; without the content of a file. */
  readonly tokenizer: TokenizerSource;
  /** Where the main process accepts the requests that are passed on to it. */
  readonly mainPath: string;
}

/** The state of everything that a child answers from. */
export interface Publication {
  /** Counts the states. */
  readonly number: number;
  /** By model id; undefined while that model's dataset can't be answered from. */
  readonly models: ReadonlyMap<string, Published | undefined>;
  /** True if all requests are to be passed on: a test has given replies or failures. */
  readonly passesAll: boolean;
}

/** Notes of the main process. */
type MainNote =
  | { readonly kind: 'start'; readonly settings: ChildSettings }
  | { readonly kind: 'connection'; readonly id: number }
  | { readonly kind: 'keys'; readonly keys: readonly string[] }
  | { readonly kind: 'stop' };

/** Questions of the main process. */
type MainQuestion =
  /** Answered once the child answers from that state, and from none before. */
  | { readonly kind: 'publish'; readonly publication: Publication }
  /** The metrics of the child, as prom-client's JSON; undefined if it can't collect them now. */
  | { readonly kind: 'metrics' }
  /** Answered at once, after the notes before it. */
  | { readonly kind: 'check' };

/** Notes of a child. */
export type ChildNote =
  | { readonly kind: 'started' }
  /** A connection has come, and is about to be read from. */
  | { readonly kind: 'taken'; readonly id: number };

/** Questions of a child: tasks of the thread of a `tokenizer.json`. */
export interface ChildQuestion {
  readonly task: keyof Omit<TokenTasks, 'tokenizer'>;
  readonly values: unknown[];
}

/** The channel of the main process to a child, and that of a child to the main process. */
export type ChannelToChild = Channel<MainNote, MainQuestion, ChildNote, ChildQuestion>;
export type ChannelToMain = Channel<ChildNote, ChildQuestion, MainNote, MainQuestion>;

import type { TokenizerSource } from '../core/tokens.js';
import { NamedTokenizer } from '../lookup/named-tokenizer.js';
import { ThreadTokenizer } from '../lookup/thread-tokenizer.js';
import type { RequestTokenizer } from '../lookup/token-counter.js';
import type { TurnTokenizer } from '../models/counting.js';
import { badTokenizer } from '../settings/tokenizer-file.js';
import { TokenPool } from '../workers/token-pool.js';

/** The tokenizer of the settings, as the parts of a server need it. */
export interface ConfiguredTokenizer {
  readonly ofTurns: TurnTokenizer;
  readonly ofRequests: RequestTokenizer;
  /** The thread of a `tokenizer.json`; undefined with one of OpenAI's tokenizers. */
  readonly thread: TokenPool | undefined;
}

/** Makes it. Its thread starts when it is needed, and is closed by the caller. */
export function configuredTokenizer(tokenizer: TokenizerSource): ConfiguredTokenizer {
  if (typeof tokenizer === 'string')
    return { ofTurns: tokenizer, ofRequests: new NamedTokenizer(tokenizer), thread: undefined };
  const thread = new TokenPool(tokenizer);
  return { ofTurns: thread, ofRequests: new ThreadTokenizer(thread), thread };
}

/**
 * Waits until the tokenizer of a file is loaded; the others can be loaded.
 *
 * @param thread the thread of a `tokenizer.json`
 * @param variable where the setting was given
 * @throws ConfigError if it can't be loaded
 */
export async function assertLoadable(thread: TokenPool | undefined, variable?: string): Promise<void> {
  const reason = await thread?.loadError();
  if (thread === undefined || reason === undefined) return;
  throw badTokenizer(thread.tokenizer.path, variable, `it can't be loaded: ${reason}`);
}

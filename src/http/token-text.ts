import { AppError } from '../core/errors.js';
import { unwrap } from '../workers/tasks.js';
import type { TokenTasks } from '../workers/token-pool.js';

/**
 * Decodes tokens.
 *
 * @param param the field that holds them
 * @param lengthMax the most characters that the text may have
 * @throws AppError if the text is longer, or an id isn't a token of the tokenizer
 */
export async function textOfTokens(
  tokenPool: TokenTasks,
  tokens: readonly number[],
  param: string,
  lengthMax: number,
): Promise<string> {
  const decoded = unwrap(await tokenPool.decode(tokens, lengthMax));
  if (decoded.kind === 'text') return decoded.text;
  if (decoded.kind === 'long') {
    const message = `Invalid '${param}': text too long. Expected tokens of a text with maximum length ${lengthMax}.`;
    throw new AppError('string_above_max_length', { param, message });
  }
  const { tokenizer } = tokenPool;
  const whose = typeof tokenizer === 'string' ? tokenizer : 'the tokenizer.json of the setting TOKENIZER';
  const message = `Invalid '${param}': not all are tokens. Expected ids of ${whose}.`;
  throw new AppError('invalid_value', { param, message });
}

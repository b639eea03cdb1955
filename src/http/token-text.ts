import { AppError } from '../core/errors.js';
import { resultOf } from '../workers/tasks.js';
import type { TokenPool } from '../workers/token-pool.js';

/**
 * The text of tokens.
 *
 * @param param the field that holds them
 * @throws AppError if one is none of the tokenizer's
 */
export async function textOfTokens(
  tokenPool: TokenPool,
  tokens: readonly number[],
  param: string,
): Promise<string> {
  const text = resultOf(await tokenPool.decode(tokens));
  if (text !== undefined) return text;
  const message = `Invalid '${param}': not all are tokens. Expected ids of ${tokenPool.tokenizer}.`;
  throw new AppError('invalid_value', { param, message });
}

import { AppError } from '../core/errors.js';
import { after, type MaybePromise } from '../core/maybe-promise.js';
import type { RequestTokenizer } from '../lookup/token-counter.js';

/**
 * Decodes tokens.
 *
 * @param param the field that holds them
 * @param lengthMax the most characters that the text may have
 * @throws AppError if the text is longer, or an id isn't a token of the tokenizer
 */
export function textOfTokens(
  tokenizer: RequestTokenizer,
  tokens: readonly number[],
  param: string,
  lengthMax: number,
): MaybePromise<string> {
  return after(tokenizer.decode(tokens, lengthMax), (decoded) => {
    if (decoded.kind === 'text') return decoded.text;
    if (decoded.kind === 'long') {
      const message = `Invalid '${param}': text too long. Expected tokens of a text with maximum length ${lengthMax}.`;
      throw new AppError('string_above_max_length', { param, message });
    }
    const { source } = tokenizer;
    const whose = typeof source === 'string' ? source : 'the tokenizer.json of the setting TOKENIZER';
    const message = `Invalid '${param}': not all are tokens. Expected ids of ${whose}.`;
    throw new AppError('invalid_value', { param, message });
  });
}

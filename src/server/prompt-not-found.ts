import { AppError } from '../core/errors.js';
import type { Query } from '../core/query.js';

/**
 * The error for a prompt that has no reply: it tells how long the prompt is, which shows what was taken for it.
 *
 * @param query what was looked up; undefined if there was nothing to look up
 * @param param the field that holds the prompt
 * @param what how the prompt is called there
 */
export function promptNotFound(query: Query | undefined, param: string, what: string): AppError {
  const prompt = query?.histories[0]?.at(-1);
  const message =
    prompt === undefined
      ? `There is no text in ${what} to look up.`
      : `No turn of the dataset that has a reply equals ${what} (${prompt.length} characters), white space aside.`;
  return new AppError('prompt_not_found', { param, message });
}

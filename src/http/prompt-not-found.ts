import { AppError } from '../core/errors.js';
import { MESSAGE_ID_LENGTH_MAX } from '../core/limits.js';
import type { Query } from '../core/query.js';
import type { Similar } from '../lookup/lookup.js';
import { headerSafe } from './origin.js';

/**
 * The error for a prompt that has no reply: it tells how long the prompt is, which shows what was taken for it, what was tried,
 * and where a turn stands that is like it.
 *
 * @param query what was looked up; undefined if there was nothing to look up
 * @param param the field that holds the prompt
 * @param what how the prompt is called there
 * @param similar undefined if nothing is known to be like the prompt
 */
export function promptNotFound(
  query: Query | undefined,
  param: string,
  what: string,
  similar?: Similar | undefined,
): AppError {
  const prompt = query?.histories[0]?.at(-1);
  if (query === undefined || prompt === undefined) {
    return new AppError('prompt_not_found', { param, message: `There is no text in ${what} to look up.` });
  }
  const hasContext = query.histories.some(({ length }) => length > 1);
  const tried = `${hasContext ? 'in its context, alone, ' : 'as it is '}and with white space normalized`;
  const missing = `No turn of the dataset that has a reply equals ${what} (${prompt.length} characters)`;
  const message = `${missing}, which was looked for ${tried}.${similar === undefined ? '' : ` ${told(similar)}`}`;
  return new AppError('prompt_not_found', { param, message });
}

function told({ conversationId, turnIndex, lacksReply }: Similar): string {
  const turn = `Turn ${turnIndex} of conversation \`${headerSafe(conversationId, MESSAGE_ID_LENGTH_MAX)}\``;
  return `${turn} ${lacksReply ? 'equals it, but has no reply' : 'starts alike'}.`;
}

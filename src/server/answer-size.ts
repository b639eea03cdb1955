import { AppError } from '../core/errors.js';
import { ANSWER_CHARACTERS_MAX } from '../core/limits.js';

/**
 * Refuses an answer that no body could hold. A stream may be of any length.
 *
 * @param characters of all choices
 * @throws AppError
 */
export function assertAnswerFits(characters: number): void {
  if (characters <= ANSWER_CHARACTERS_MAX) return;
  throw new AppError('invalid_value', {
    param: 'n',
    message: `Invalid 'n': the answer would have ${characters} characters. Expected at most ${ANSWER_CHARACTERS_MAX}: ask for fewer choices, or for a stream.`,
  });
}

import { AppError } from '../core/errors.js';
import { ANSWER_CHARACTERS_MAX } from '../core/limits.js';
import type { Reply } from '../core/reply.js';
import type { SpelledText } from '../core/spelled-text.js';

/**
 * Rejects an answer that is too long for one body. A stream may have any length.
 *
 * @param choices how many times each reply is given
 * @param echoed characters that each choice repeats from its prompt
 * @throws AppError
 */
export function assertAnswerFits(replies: readonly Reply[], choices: number, echoed = 0): void {
  const total = (lengthOf: (reply: Reply) => number) =>
    choices * replies.reduce((sum, reply) => sum + lengthOf(reply) + callsLength(reply), echoed);
  // The JSON form is at least as long as the text. If it fits, the text does, and needn't be decoded.
  if (total(lengthIn(({ spelled }) => spelled)) <= ANSWER_CHARACTERS_MAX) return;
  const characters = total(lengthIn(({ text }) => text));
  if (characters <= ANSWER_CHARACTERS_MAX) return;
  throw new AppError('invalid_value', {
    param: 'n',
    message: `Invalid 'n': the answer would have ${characters} characters. Expected at most ${ANSWER_CHARACTERS_MAX}: ask for fewer choices, or for a stream.`,
  });
}

/** The length of a reply's content and reasoning in a form. */
function lengthIn(form: (text: SpelledText) => string): (reply: Reply) => number {
  return ({ content, reasoning }) =>
    form(content).length + (reasoning === undefined ? 0 : form(reasoning.content).length);
}

function callsLength({ calls }: Reply): number {
  return calls.reduce((sum, call) => sum + call.name.length + call.arguments.length, 0);
}

/** `verbatim show` and `verbatim stats`: what is in a dataset, without a server. */

import { AppError, CommandError } from '../core/errors.js';
import type { ModelSpec } from '../core/model-spec.js';
import { datasetOf, recordOf, repeatedOf } from '../http/endpoints/looking.js';
import type { Progress } from '../http/progress.js';
import type { CheckSettings } from '../settings/read-settings.js';
import { conversationText, statsText } from './looking-text.js';
import { withOpened } from './opened.js';

/** How a conversation is shown: as text, as the JSON of the API, or as its own text. */
export type ShownAs = 'text' | 'json' | 'raw';

/**
 * A conversation of a dataset.
 *
 * @returns its lines; its own text is one of them, which may contain line feeds
 * @throws CommandError if the dataset can't be served, or has no such conversation
 */
export function show(
  spec: ModelSpec,
  number: number,
  as: ShownAs,
  settings: CheckSettings,
  progress: Progress,
): Promise<readonly string[]> {
  return withOpened(spec, settings, 'sweep', progress, async ({ id, corpus }) => {
    const conversation = await answerOf(corpus.conversation(number, as === 'raw'));
    if (conversation === undefined) {
      const last = (corpus.total ?? 1) - 1;
      throw new CommandError(`${spec.path}: no conversation ${number}; expected a number from 0 to ${last}`);
    }
    if (as === 'json') return [JSON.stringify({ ...recordOf(conversation), model: id })];
    if (as === 'text') return conversationText(spec.path, conversation);
    if (conversation.raw === undefined)
      throw new CommandError(`${spec.path}: record ${number} is too long to be read`);
    return [conversation.raw];
  });
}

/**
 * What is in a dataset, in numbers.
 *
 * @throws CommandError if the dataset can't be served
 */
export function stats(
  spec: ModelSpec,
  isJson: boolean,
  settings: CheckSettings,
  progress: Progress,
): Promise<readonly string[]> {
  return withOpened(spec, settings, 'index', progress, async (model) => {
    const prompts = (await answerOf(model.corpus.repeated())) ?? [];
    if (!isJson) return statsText(spec.path, model, prompts);
    return [JSON.stringify({ ...datasetOf(model), prompts: prompts.map(repeatedOf) })];
  });
}

/** The answer of a dataset, or a CommandError with the reason for having none. */
async function answerOf<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { cause } = error;
    throw cause instanceof CommandError ? cause : new CommandError(error.message, { cause: error });
  }
}

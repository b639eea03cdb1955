/** `verbatim show`, `verbatim stats` and `verbatim search`: what is in a dataset, without a server. */

import { escapeControls } from '../core/control-characters.js';
import { AppError, CommandError, type TaskFailure } from '../core/errors.js';
import type { ModelSpec } from '../core/model-spec.js';
import type { TextSearch } from '../core/search.js';
import type { SearchCount } from '../corpus/search.js';
import { printable } from '../dataset/dataset-error.js';
import { datasetOf, recordOf, repeatedOf } from '../http/endpoints/looking.js';
import { shownHit } from '../http/endpoints/search.js';
import type { Progress } from '../http/progress.js';
import type { CheckSettings } from '../settings/read-settings.js';
import { conversationText, hitText, statsText } from './looking-text.js';
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

/** How the turns that a search finds are printed: a line each, as the JSON of the API, or their number alone. */
export type FoundAs = 'text' | 'json' | 'count';

/**
 * Searches the texts of a dataset.
 *
 * @param limit how many turns are printed at most
 * @param print prints a line, whose control characters are escaped, apart from those of colours
 * @param signal ends the search early
 * @returns how much was searched, and what was found in it
 * @throws CommandError if the dataset can't be served
 */
export function search(
  spec: ModelSpec,
  search: TextSearch,
  limit: number,
  as: FoundAs,
  settings: CheckSettings,
  progress: Progress,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<SearchCount> {
  return withOpened(spec, settings, undefined, progress, async ({ corpus }) => {
    const countsAll = as === 'count' || limit === Number.POSITIVE_INFINITY;
    const order = { search, limit: as === 'count' ? 0 : limit, from: undefined, countsAll };
    let count: SearchCount = { turns: 0, conversations: 0, read: 0, bytes: 0 };
    try {
      for await (const report of corpus.search(order, signal)) {
        if (report.kind !== 'hit') {
          count = report.count;
          progress.show(count.read / count.bytes, count.bytes);
        } else if (as === 'json') print(escapeControls(JSON.stringify(shownHit(report.hit))));
        else print(hitText(report.hit));
      }
    } catch (error) {
      if (!signal.aborted) throw commandErrorOf(error, spec.path);
    }
    if (as === 'count') print(String(count.turns));
    return count;
  });
}

/** The answer of a dataset, or a CommandError with the reason for having none. */
async function answerOf<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw commandErrorOf(error);
  }
}

/** The reason in an error of a dataset, as a CommandError; any other error itself. @param path the file that was searched */
function commandErrorOf(error: unknown, path?: string): unknown {
  if (!(error instanceof AppError)) return error;
  const { cause } = error;
  if (cause instanceof CommandError) return cause;
  if (path === undefined || !isFailure(cause)) return new CommandError(error.message, { cause: error });
  const { detail, offset } = cause;
  const where = offset === undefined ? '' : ` (byte ${offset})`;
  return new CommandError(`${printable(path)}${where}: ${detail}`, { cause: error });
}

/** True for what a thread returns if it fails. */
function isFailure(cause: unknown): cause is TaskFailure {
  return typeof cause === 'object' && cause !== null && 'kind' in cause && cause.kind === 'failed';
}

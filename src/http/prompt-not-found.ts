import { AppError } from '../core/errors.js';
import { MESSAGE_ID_LENGTH_MAX, QUOTED_LENGTH_MAX } from '../core/limits.js';
import { partingOf } from '../core/parting.js';
import type { Query } from '../core/query.js';
import { plainLine, quoteBeginning } from '../core/quote.js';
import { isSimilar } from '../core/similar.js';
import type { NearMatch, Similar } from '../lookup/lookup.js';
import { headerSafe } from './origin.js';
import { scoreText } from './score-text.js';

/** The place of a prompt in its request, and how to report that it isn't found. */
interface Missing {
  /** The field that holds the prompt. */
  readonly param: string;
  /** The prompt's name in error messages. */
  readonly what: string;
  /** What was searched: see `Model.searched`. */
  readonly searched: string;
  /** HTTP status. */
  readonly status: number;
}

/** Hints for the client. */
interface Hints {
  /** True if a similar turn was searched for. */
  readonly isSearched: boolean;
  readonly similar: Similar | undefined;
  /** The nearest turn, if it was searched for and is near enough. */
  readonly nearest: NearMatch | undefined;
  /** A prompt of the dataset that has a reply. */
  readonly example: string | undefined;
}

/**
 * The error for a prompt without a reply. Its message quotes the prompt and the nearest turn, or else a prompt that has a reply,
 * which may be the one that was meant.
 *
 * @param query the query that missed; undefined if there was nothing to look up
 */
export function promptNotFound(
  query: Query | undefined,
  { param, what, searched, status }: Missing,
  { isSearched, similar, nearest, example }: Hints,
): AppError {
  const fail = (message: string) => new AppError('prompt_not_found', { param, status, message });
  const prompt = query?.histories[0]?.at(-1);
  if (prompt === undefined || !/\S/.test(prompt)) return fail(`There is no text in ${what} to look up.`);
  const length = prompt.length > QUOTED_LENGTH_MAX ? ` (${prompt.length} characters)` : '';
  const missing = `No recorded reply in ${searched} for ${what}, ${quote(prompt)}${length}.`;
  if (similar !== undefined && (nearest === undefined || SURER.has(similar.relation)))
    return fail(`${missing} Nearest: ${similarText(similar)}`);
  if (nearest !== undefined) return fail(`${missing} Nearest: ${nearestText(prompt, nearest)}`);
  if (example !== undefined && isSimilar(prompt, example)) {
    return fail(`${missing} Nearest known prompt: ${quote(example)}.`);
  }
  const none = isSearched ? ' No turn with the same beginning is known.' : '';
  const tried = example === undefined ? '' : ` A prompt that has a reply: ${quote(example)}.`;
  return fail(missing + none + tried);
}

/** Relations that say more than the nearest turn: all letters of both are the same. */
const SURER: ReadonlySet<Similar['relation']> = new Set(['unanswered', 'spelling']);

function nearestText(prompt: string, { conversationId, replyIndex, text, score }: NearMatch): string {
  const turn = turnText(conversationId, replyIndex - 1);
  const parting = partingOf(prompt, text);
  const parts = parting && `, where '${plainLine(parting.one)}' / '${plainLine(parting.other)}'`;
  return `${turn}, score ${scoreText(score)}${parts ?? ''}.`;
}

function turnText(conversationId: string, turnIndex: number): string {
  return `turn ${turnIndex} of conversation \`${headerSafe(conversationId, MESSAGE_ID_LENGTH_MAX)}\``;
}

function similarText({ conversationId, turnIndex, text, relation, differsAt }: Similar): string {
  const turn = turnText(conversationId, turnIndex);
  if (relation === 'unanswered') return `${turn} equals it, but has no reply.`;
  const relations = {
    spelling: 'it differs in case or punctuation only',
    part: 'it is a part of the prompt',
    beginning: `it has the same beginning; the prompt differs from character ${differsAt + 1} on`,
  };
  return `${turn}, ${quote(text)}: ${relations[relation]}.`;
}

function quote(text: string): string {
  return quoteBeginning(text, QUOTED_LENGTH_MAX);
}

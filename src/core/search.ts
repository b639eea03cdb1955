/** What a search looks for, and the syntax in which people write it. */

import { AppError } from './errors.js';
import { SEARCH_LENGTH_MAX, SEARCH_TERMS_MAX } from './limits.js';
import type { Role } from './roles.js';

/** What is looked for in the turns of a dataset. */
export interface TextSearch {
  /** A turn's text must have all of them. None of them is empty. */
  readonly terms: readonly string[];
  /** True if letters that differ only in case are equal: see `core/folding.ts`. */
  readonly ignoresCase: boolean;
  /** The length that a turn's text must have, in bytes as `JSON.stringify` spells it, without the quotes. */
  readonly lengthMin: number;
  readonly lengthMax: number;
  /** The role that a turn must have; any role if undefined. */
  readonly role: Role | undefined;
  /** How many turns its conversation must have. */
  readonly turnsMin: number;
  readonly turnsMax: number;
}

/** True if a search has no condition: every turn would be found. */
export function isEmptySearch({
  terms,
  role,
  lengthMin,
  lengthMax,
  turnsMin,
  turnsMax,
}: TextSearch): boolean {
  const isAnyLength = lengthMin === 0 && lengthMax === Number.POSITIVE_INFINITY;
  const isAnyNumber = turnsMin === 0 && turnsMax === Number.POSITIVE_INFINITY;
  return terms.length === 0 && role === undefined && isAnyLength && isAnyNumber;
}

/** A text in quotes, in which a backslash may precede a quote or a backslash; or a word. A quote without a second one begins a word. */
const TERM = /"((?:[^"\\]|\\.)*)"|(\S+)/gs;

/**
 * The terms of a search: its words, and its texts in double quotes.
 *
 * @throws AppError if there are too many, or if they are too long together
 */
export function termsOf(text: string): readonly string[] {
  if (text.length > SEARCH_LENGTH_MAX) {
    const message = `Invalid 'q': expected at most ${SEARCH_LENGTH_MAX} characters, but got ${text.length} instead.`;
    throw new AppError('string_above_max_length', { param: 'q', message });
  }
  const terms = [...text.matchAll(TERM)].map(([, quoted, word = '']) =>
    quoted === undefined ? word : quoted.replace(/\\(["\\])/g, '$1'),
  );
  const all = [...new Set(terms.filter((term) => term !== ''))];
  if (all.length > SEARCH_TERMS_MAX) {
    const message = `Invalid 'q': expected at most ${SEARCH_TERMS_MAX} words, but got ${all.length} instead. Put words that follow each other in double quotes.`;
    throw new AppError('array_above_max_length', { param: 'q', message });
  }
  return all;
}

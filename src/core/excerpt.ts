import { fold } from './folding.js';
import { EXCERPT_AFTER, EXCERPT_BEFORE } from './limits.js';
import type { TextSearch } from './search.js';

/** A piece of a text around what a search has found in it. Places count UTF-16 units. */
export interface Excerpt {
  /** Where the first of what was found begins in the whole text. */
  readonly at: number;
  /** Where the piece begins in the whole text. */
  readonly from: number;
  readonly text: string;
  /** Where in the piece terms are: the start and the end of each, in order; none overlap. */
  readonly marks: readonly (readonly [number, number])[];
}

/** Characters that are folded together: a long text isn't folded as a whole. */
const WINDOW = 1 << 16;

/** The piece of a text around the term that comes first; its beginning if there are no terms. */
export function excerptOf(
  text: string,
  { terms, ignoresCase }: Pick<TextSearch, 'terms' | 'ignoresCase'>,
): Excerpt {
  const wanted = ignoresCase ? terms.map((term) => fold(term).text) : terms;
  const places = wanted.map((term) => firstPlace(text, term, ignoresCase)).filter((place) => place >= 0);
  const at = places.length === 0 ? 0 : Math.min(...places);
  const from = borderAt(text, Math.max(0, at - EXCERPT_BEFORE));
  const to = borderAt(text, Math.min(text.length, at + EXCERPT_AFTER));
  const piece = text.slice(from, to);
  return { at, from, text: piece, marks: marksIn(piece, wanted, ignoresCase) };
}

/** Where a term first is in a text; -1 if nowhere. */
function firstPlace(text: string, term: string, ignoresCase: boolean): number {
  if (!ignoresCase) return text.indexOf(term);
  for (let start = 0; start < text.length; ) {
    const end = borderAt(text, Math.min(text.length, start + WINDOW + term.length));
    const { text: folded, placeOf } = fold(text.slice(start, end));
    const found = folded.indexOf(term);
    if (found >= 0) return start + placeOf(found);
    start = end === text.length ? end : borderAt(text, start + WINDOW);
  }
  return -1;
}

function marksIn(piece: string, terms: readonly string[], ignoresCase: boolean): [number, number][] {
  const { text, placeOf } = ignoresCase ? fold(piece) : { text: piece, placeOf: (at: number) => at };
  const found: [number, number][] = [];
  for (const term of terms) {
    for (let at = text.indexOf(term); at >= 0; at = text.indexOf(term, at + term.length))
      found.push([placeOf(at), endOf(piece, placeOf(at + term.length - 1))]);
  }
  const marks: [number, number][] = [];
  for (const [start, end] of found.sort((a, b) => a[0] - b[0])) {
    const last = marks.at(-1);
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end);
    else marks.push([start, end]);
  }
  return marks;
}

/** The end of the character at a place: a term may end in the middle of what it folds to. */
function endOf(text: string, at: number): number {
  return at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1);
}

/** The place, or the one before it if that is in the middle of a surrogate pair. */
function borderAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  const before = text.charCodeAt(at - 1);
  return code >= 0xdc00 && code < 0xe000 && before >= 0xd800 && before < 0xdc00 ? at - 1 : at;
}

/**
 * Full case folding: what texts are compared by if case doesn't matter. (Unicode 16, section 3.13, `toCasefold`.) JavaScript has no function
 * for it; lower, upper and lower case again give the same for every character but the one below, which a test shows.
 */

/** The Turkic i without a dot has a capital that folds to another letter; it doesn't fold itself. */
const DOTLESS = 'ı';

/** What one character folds to: one to three characters. */
export function foldOf(character: string): string {
  if (character === DOTLESS) return character;
  return character.toLowerCase().toUpperCase().toLowerCase();
}

/** A folded text, and for each of its UTF-16 units the place in the text that it comes from. */
export interface Folded {
  readonly text: string;
  /** The place in the text of the character that a unit of the folded text comes from. */
  readonly placeOf: (at: number) => number;
}

/** Folds a text. */
export function fold(text: string): Folded {
  // Each ASCII character folds to one.
  if (/^[\0-\x7f]*$/.test(text)) return { text: text.toLowerCase(), placeOf: (at) => at };
  const parts: string[] = [];
  const places: number[] = [];
  let at = 0;
  for (const character of text) {
    const part = foldOf(character);
    parts.push(part);
    for (let i = 0; i < part.length; i++) places.push(at);
    at += character.length;
  }
  return { text: parts.join(''), placeOf: (place) => places[place] ?? text.length };
}

/** A character beyond ASCII that folds to something else, and what it folds to. */
export interface Folding {
  readonly code: number;
  readonly to: string;
}

/** No higher code point has a case. */
const CODE_POINTS = 0x2_0000;
const PAGE = 256;
let foldings: readonly Folding[] | undefined;

/** All characters beyond ASCII that fold to something else. */
export function allFoldings(): readonly Folding[] {
  foldings ??= [...cased()];
  return foldings;
}

function* cased(): Generator<Folding> {
  const codes = Array.from({ length: PAGE }, (_, i) => i);
  for (let page = 0; page < CODE_POINTS; page += PAGE) {
    // Most pages have no letter with a case.
    const all = String.fromCodePoint(...codes.map((code) => page + code));
    if (all.toUpperCase() === all && all.toLowerCase() === all) continue;
    for (let code = Math.max(page, 0x80); code < page + PAGE; code++) {
      const character = String.fromCodePoint(code);
      const to = foldOf(character);
      if (to !== character) yield { code, to };
    }
  }
}

import { BEGINNING_LETTERS } from '../core/keys.js';
import { countLetters } from '../core/letters.js';
import { SIMILAR_LETTERS_MIN } from '../core/limits.js';

/** The end of a sentence, a line or a label, and how much of a prompt is searched for it. */
const BREAK = /[.?!,:;](?=\s)|\n/g;
const BREAK_LENGTH = 256;
/** The first two words. */
const WORDS = /^\s*\S+\s+(?=(\S+\s+)?)/;

/**
 * Parts of a prompt that may be recorded turns: the text after its first breaks, its last line, the text after its first words, and the
 * text before a break. Each has at least `SIMILAR_LETTERS_MIN` letters. A text before a break with `BEGINNING_LETTERS` letters is left out:
 * it begins like the whole prompt, which is looked up anyway.
 */
export function partsOf(prompt: string): readonly string[] {
  const [first = '', second = ''] = WORDS.exec(prompt) ?? [];
  const breaks = [...prompt.slice(0, BREAK_LENGTH).matchAll(BREAK)].slice(0, 2).map(({ index }) => index + 1);
  const starts = [
    ...breaks,
    prompt.trimEnd().lastIndexOf('\n') + 1,
    first.length,
    first.length + second.length,
  ];
  const tails = [...new Set(starts)].filter((at) => at > 0).map((at) => prompt.slice(at));
  const heads = breaks.map((at) => prompt.slice(0, at));
  const lettersIn = (part: string) => countLetters(part, BEGINNING_LETTERS);
  return [
    ...tails.filter((part) => lettersIn(part) >= SIMILAR_LETTERS_MIN),
    ...heads.filter((part) => lettersIn(part) >= SIMILAR_LETTERS_MIN && lettersIn(part) < BEGINNING_LETTERS),
  ];
}

/** Marks the words of the search in a conversation, by the browser's own highlights: the texts stay as they are. */

import { fold } from '../core/folding.js';

const NAME = 'found';
/** Marks are for the eye: more of them help no one. */
const MARKS_MAX = 2000;

/** Marks the words in the texts of the turns, instead of earlier marks; returns the first mark. */
export function markWords(
  turns: Iterable<Element>,
  words: readonly string[],
  isCaseSensitive: boolean,
): Range | undefined {
  if (!('highlights' in CSS)) return undefined;
  CSS.highlights.delete(NAME);
  if (words.length === 0) return undefined;
  const wanted = isCaseSensitive ? words : words.map((word) => fold(word).text);
  // Of words with the same beginning, the longest.
  const longestFirst = wanted.toSorted((a, b) => b.length - a.length);
  const pattern = new RegExp(longestFirst.map(escaped).join('|'), 'g');
  const ranges: Range[] = [];
  for (const turn of turns) {
    for (const said of turn.querySelectorAll('.said')) addMarks(ranges, said, pattern, isCaseSensitive);
  }
  CSS.highlights.set(NAME, new Highlight(...ranges));
  return ranges[0];
}

function addMarks(ranges: Range[], said: Element, pattern: RegExp, isCaseSensitive: boolean): void {
  const walker = document.createTreeWalker(said, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const whole = node.nodeValue ?? '';
    const { text, placeOf } = isCaseSensitive ? { text: whole, placeOf: (at: number) => at } : fold(whole);
    for (const { 0: word, index } of text.matchAll(pattern)) {
      if (ranges.length >= MARKS_MAX) return;
      // A letter may fold to several, of which the word has some: all of the letter is marked.
      const last = placeOf(index + word.length - 1);
      const range = document.createRange();
      range.setStart(node, placeOf(index));
      range.setEnd(node, last + ((whole.codePointAt(last) ?? 0) > 0xffff ? 2 : 1));
      ranges.push(range);
    }
  }
}

function escaped(word: string): string {
  return word.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}

/** Marks the words of the search in a conversation, by the browser's own highlights: the texts stay as they are. */

const NAME = 'found';
/** Marks are for the eye: more of them help no one. */
const MARKS_MAX = 2000;

/** Marks the words in the elements, instead of earlier marks; returns the first mark. */
export function markWords(
  elements: Iterable<Element>,
  words: readonly string[],
  isCaseSensitive: boolean,
): Range | undefined {
  if (!('highlights' in CSS)) return undefined;
  CSS.highlights.delete(NAME);
  if (words.length === 0) return undefined;
  const pattern = new RegExp(words.map(escaped).join('|'), isCaseSensitive ? 'g' : 'gi');
  const ranges: Range[] = [];
  for (const element of elements) {
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null && ranges.length < MARKS_MAX; node = walker.nextNode()) {
      for (const { 0: word, index } of (node.nodeValue ?? '').matchAll(pattern)) {
        const range = document.createRange();
        range.setStart(node, index);
        range.setEnd(node, index + word.length);
        ranges.push(range);
        if (ranges.length >= MARKS_MAX) break;
      }
    }
  }
  CSS.highlights.set(NAME, new Highlight(...ranges));
  return ranges[0];
}

function escaped(word: string): string {
  return word.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}

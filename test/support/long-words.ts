/** How a stream cuts long words: a simple version of what src/openai/pieces.ts does while it reads only a little ahead. */

const LENGTH_MAX = 256;
const LONG_WORD = new RegExp(
  `[\\p{L}\\p{M}]{${LENGTH_MAX}}|[^\\s\\p{L}\\p{N}]{${LENGTH_MAX}}|[\\r\\n/]{${LENGTH_MAX}}|\\s{${LENGTH_MAX}}`,
  'gu',
);

/** The parts of a text, each of which is cut into pieces by itself. */
export function partsOf(text: string): string[] {
  if (text.length <= LENGTH_MAX) return [text];
  const parts: string[] = [];
  let start = 0;
  for (const { index, 0: word } of text.matchAll(LONG_WORD)) {
    parts.push(text.slice(start, index + word.length));
    start = index + word.length;
  }
  return start < text.length ? [...parts, text.slice(start)] : parts;
}

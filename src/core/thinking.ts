/**
 * Thinking: reasoning models write it before their answer, in the tags `<think>` and `</think>`. Many datasets record it, and many clients
 * don't send it back. `kernel/assembly/thinking.ts` finds the same in bytes.
 */

const START = /^\s*<think>/;
const END = '</think>';

/**
 * A text without the thinking before it, and without the white space after the thinking. Thinking begins a text and has both tags; the
 * first end tag ends it.
 *
 * @returns the whole text if it doesn't begin with thinking, or if only white space follows
 */
export function withoutThinking(text: string): string {
  if (!START.test(text)) return text;
  const end = text.indexOf(END);
  return end < 0 ? text : text.slice(end + END.length).trimStart() || text;
}

/** Keys: 64-bit hashes of texts, in halves, since JavaScript's numbers hold no 64 bits. Equal texts have equal keys. */

/** A 64-bit hash. */
export interface Key {
  /** The lower and the upper 32 bits, unsigned. */
  readonly low: number;
  readonly high: number;
}

/** The keys of one text. */
export interface TextKeys {
  /** Of the text as it is. */
  readonly key: Key;
  /** Of the text without regard to how much white space it has where it has some. */
  readonly folded: Key;
}

/** Says what the keys of a text are; undefined for a text that is longer than any of a dataset. */
export type KeysOf = (text: string) => TextKeys | undefined;

/** A text with its white space folded, as the rung `normalized` compares it: trimmed, and each run of it one space. */
export function foldSpace(text: string): string {
  return text.trim().replace(/\s+/g, ' ');
}

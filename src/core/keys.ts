/**
 * Keys: 64-bit hashes of texts, in two halves, since a JavaScript number can't hold 64 bits. With the same seed, equal texts have equal
 * keys. A client that doesn't know the seed can't construct texts whose keys collide.
 */

/** A 64-bit hash. */
export interface Key {
  /** The lower and the upper 32 bits, unsigned. */
  readonly low: number;
  readonly high: number;
}

/** The seed of all keys of an index: 64 random bits, drawn for each index. */
export type KeySeed = Key;

/** No seed: the keys are plain XXH64. */
export const NO_SEED: KeySeed = { low: 0, high: 0 };

/** The keys of one text, all of them without its thinking: see thinking.ts. */
export interface TextKeys {
  /** The key of the exact text. */
  readonly key: Key;
  /** The normalized key, of the text with its white space normalized: see `beginningOf`. */
  readonly normalized: Key;
  /**
   * The normalized key computed from the text's head and tail only. An index holds one of the two normalized keys of a turn (see
   * `indexKey`); for the last turn of a conversation, always this one.
   */
  readonly ends: Key;
  /** The first eight bytes of the normalized text. */
  readonly head: Key;
  /** The length of the text as `JSON.stringify` writes it, in bytes, without quotes. */
  readonly length: number;
}

/** Bits of a normalized key's lower half that don't depend on the first letters. */
const END_BITS = 12;

/** The part of a normalized key's lower half that is equal for texts that begin with the same letters: see `BEGINNING_LETTERS`. */
export function beginningOf(normalizedLow: number): number {
  return normalizedLow >>> END_BITS;
}

/** The bits of a normalized key's upper half that an index keeps. */
export function extraOf(normalizedHigh: number): number {
  return normalizedHigh & 0xff;
}

/**
 * Two texts have the same beginning if their first letters and digits are equal: this many, or those within the first 64 bytes.
 * Case doesn't count. The letters are those of the normalized text as `JSON.stringify` spells it; a byte that isn't ASCII counts as one.
 */
export const BEGINNING_LETTERS = 20;

/** Computes the keys of a text; undefined if the text is longer than any text of a dataset. */
export type KeysOf = (text: string) => TextKeys | undefined;

/**
 * A text with its white space normalized, as the rung `normalized` compares it: trimmed, and each run of white space replaced by one space.
 */
export function normalizeSpace(text: string): string {
  // The pattern skips single spaces, which are right already: this takes a third of the time.
  return text.trim().replace(/[^\S ]\s*| \s+/g, ' ');
}

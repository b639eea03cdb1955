/**
 * Keys: 64-bit hashes of texts, in halves, since JavaScript's numbers hold no 64 bits. Under one seed, equal texts have equal keys. A
 * client that doesn't know the seed can't make texts whose keys collide.
 */

/** A 64-bit hash. */
export interface Key {
  /** The lower and the upper 32 bits, unsigned. */
  readonly low: number;
  readonly high: number;
}

/** What keys depend on besides the text: 64 random bits, drawn for each index. */
export type KeySeed = Key;

/** Keys without a seed: plain XXH64. */
export const NO_SEED: KeySeed = { low: 0, high: 0 };

/** The keys of one text. */
export interface TextKeys {
  /** Of the text as it is. */
  readonly key: Key;
  /** Of the text without regard to how much white space it has where it has some: see `beginningOf`. */
  readonly normalized: Key;
  /** The same, but of the text's beginning and end alone. An index has either for a turn, this for a conversation's last: see `indexKey`. */
  readonly ends: Key;
  /** The first eight bytes of the normalized text. */
  readonly head: Key;
  /** How long the text is, as `JSON.stringify` spells it, in bytes, without quotes. */
  readonly length: number;
}

/** So many bits of a normalized key's lower half don't say how its text begins. */
const END_BITS = 12;

/** What the lower half of a normalized key says of the text's beginning: it is equal for texts that begin alike, see `HEAD_BYTES`. */
export function beginningOf(normalizedLow: number): number {
  return normalizedLow >>> END_BITS;
}

/** What an index keeps of the upper half of a normalized key. */
export function extraOf(normalizedHigh: number): number {
  return normalizedHigh & 0xff;
}

/** Texts begin alike if their first bytes are the same, so many, normalized and as `JSON.stringify` spells them. */
export const HEAD_BYTES = 64;

/** Says what the keys of a text are; undefined for a text that is longer than any of a dataset. */
export type KeysOf = (text: string) => TextKeys | undefined;

/** A text with its white space normalized, as the rung `normalized` compares it: trimmed, and each run of it one space. */
export function normalizeSpace(text: string): string {
  // A single space stays, without being written anew: that takes a third of the time.
  return text.trim().replace(/[^\S ]\s*| \s+/g, ' ');
}

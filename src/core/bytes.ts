/** Offsets and lengths in bytes, kept apart from each other and from plain numbers by the compiler. */

declare const unit: unique symbol;

/** A position in the dataset: the number of bytes before it. */
export type ByteOffset = number & { readonly [unit]: 'offset' };

/** A length in bytes. */
export type ByteCount = number & { readonly [unit]: 'count' };

/** The bytes from `start` up to, not including, `end`. */
export interface ByteRange {
  readonly start: ByteOffset;
  readonly end: ByteOffset;
}

/** A piece of a file as it was read: `bytes[0]` stands at `offset`. Its memory is the reader's, who reuses it. */
export interface Block {
  readonly bytes: Uint8Array;
  readonly offset: ByteOffset;
}

/** Says that a plain number is an offset. */
export function byteOffset(value: number): ByteOffset {
  return value as ByteOffset;
}

/** Says that a plain number is a length. */
export function byteCount(value: number): ByteCount {
  return value as ByteCount;
}

/** The length of a range. */
export function lengthOf(range: ByteRange): ByteCount {
  return byteCount(range.end - range.start);
}

/** The bytes of JSON's structure. All are ASCII, so none is ever part of a longer UTF-8 sequence. */
export const BYTE = {
  tab: 0x09,
  lineFeed: 0x0a,
  carriageReturn: 0x0d,
  space: 0x20,
  quote: 0x22,
  comma: 0x2c,
  colon: 0x3a,
  openBracket: 0x5b,
  backslash: 0x5c,
  closeBracket: 0x5d,
  openBrace: 0x7b,
  closeBrace: 0x7d,
} as const;

/** True for the four bytes that JSON calls white space. */
export function isSpace(byte: number): boolean {
  return byte === BYTE.space || byte === BYTE.lineFeed || byte === BYTE.carriageReturn || byte === BYTE.tab;
}

/** How many bytes of white space stand at the start. */
export function countBlanks(bytes: Uint8Array): number {
  let count = 0;
  while (count < bytes.length && isSpace(bytes[count] as number)) count++;
  return count;
}

/** Where bytes are put: into `bytes`, from `at` on. */
export interface Room {
  readonly bytes: Buffer;
  readonly at: number;
}

/** Byte offsets and byte lengths. The compiler keeps them apart from each other and from plain numbers. */

declare const unit: unique symbol;

/** A position in the dataset: the number of bytes before it. */
export type ByteOffset = number & { readonly [unit]: 'offset' };

/** A length in bytes. */
export type ByteCount = number & { readonly [unit]: 'count' };

/** The bytes from `start` (inclusive) to `end` (exclusive). */
export interface ByteRange {
  readonly start: ByteOffset;
  readonly end: ByteOffset;
}

/** A piece of a file, as the reader read it: `bytes[0]` is at `offset`. The reader owns the memory and reuses it. */
export interface Block {
  readonly bytes: Uint8Array;
  readonly offset: ByteOffset;
}

/** Marks a plain number as an offset. */
export function byteOffset(value: number): ByteOffset {
  return value as ByteOffset;
}

/** Marks a plain number as a length. */
export function byteCount(value: number): ByteCount {
  return value as ByteCount;
}

/** The length of a range. */
export function lengthOf(range: ByteRange): ByteCount {
  return byteCount(range.end - range.start);
}

/** JSON's structural bytes. All are ASCII, so none is ever part of a longer UTF-8 sequence. */
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

/** The number of white space bytes at the start. */
export function countBlanks(bytes: Uint8Array): number {
  let count = 0;
  while (count < bytes.length && isSpace(bytes[count] as number)) count++;
  return count;
}

/** A place to write bytes: in `bytes`, from `at` on. */
export interface Room {
  readonly bytes: Buffer;
  readonly at: number;
}

/**
 * Splits the bytes of a dataset into the elements of its list: at the commas directly inside an array, or at the line feeds of JSON lines.
 * Of JSON's grammar it follows only strings and nesting. A parser validates the bytes between two separators; it sees every byte except the
 * separators, so its validation is complete.
 */

import { type Block, BYTE, type ByteOffset, byteOffset, countBlanks } from '../core/bytes.js';
import { DatasetSyntaxError } from '../core/errors.js';
import type { DatasetFormat } from './file.js';
import { StringSkipper } from './strings-in-json.js';

/** A piece of an element: the whole element, or the part of it in one block. */
export interface ElementPart {
  /** Bytes of the element and of white space around it; valid until the next part is requested. */
  readonly bytes: Uint8Array;
  readonly offset: ByteOffset;
  /** What ends the element with this part: a separator, or the end of the list; undefined if it goes on. */
  readonly endedBy: 'separator' | 'end' | undefined;
}

/**
 * Yields the parts of all elements, in order.
 *
 * @param blocks the bytes from where an element begins to the end of the file, cut anywhere
 * @param end where the file ends
 * @throws DatasetSyntaxError when the list doesn't end as it should
 */
export function splitElements(
  blocks: Iterable<Block>,
  end: ByteOffset,
  format: DatasetFormat,
): Generator<ElementPart, void> {
  return format === 'array' ? splitArray(blocks, end) : splitLines(blocks, end);
}

function* splitArray(blocks: Iterable<Block>, end: ByteOffset): Generator<ElementPart, void> {
  const scanner = new ArrayScanner();
  let ended = false;
  let expectsElement = true;

  for (const { bytes, offset } of blocks) {
    let partStart = 0;
    while (!ended) {
      const at = scanner.nextSeparator(bytes, partStart);
      if (at === undefined) break;
      ended = bytes[at] === BYTE.closeBracket;
      yield {
        bytes: bytes.subarray(partStart, at),
        offset: byteOffset(offset + partStart),
        endedBy: ended ? 'end' : 'separator',
      };
      partStart = at + 1;
      expectsElement = true;
    }
    const rest = bytes.subarray(partStart);
    const blanks = countBlanks(rest);
    if (blanks < rest.length) expectsElement = false;
    if (!ended) {
      yield { bytes: rest, offset: byteOffset(offset + partStart), endedBy: undefined };
    } else if (blanks < rest.length) {
      const at = byteOffset(offset + partStart + blanks);
      throw new DatasetSyntaxError(at, 'expected nothing after the end of the list');
    }
  }

  if (!ended) throw cutOff(end, expectsElement);
}

/**
 * The error for an array without its closing bracket.
 *
 * @param expectsElement true if the file ends after a comma or the opening bracket
 */
export function cutOff(end: ByteOffset, expectsElement: boolean): DatasetSyntaxError {
  const expected = expectsElement ? 'a record' : "',' or ']' and the end of the list";
  return new DatasetSyntaxError(end, `the file is cut off; expected ${expected}`);
}

/** Finds the bytes that end an element of an array. From block to block, it remembers the nesting, and whether it is in a string. */
class ArrayScanner {
  private depth = 0;
  private readonly strings = new StringSkipper();

  /** The next `,` or `]` directly inside the list, at `from` or after it; undefined if this block has none. */
  nextSeparator(bytes: Uint8Array, from: number): number | undefined {
    let i = this.strings.inString ? this.strings.skip(bytes, from) : from;
    for (; i < bytes.length; i++) {
      switch (bytes[i]) {
        case BYTE.quote:
          i = this.strings.skip(bytes, i + 1) - 1;
          break;
        case BYTE.openBrace:
        case BYTE.openBracket:
          this.depth++;
          break;
        case BYTE.comma:
          if (this.depth === 0) return i;
          break;
        case BYTE.closeBracket:
          if (this.depth === 0) return i;
          this.depth--;
          break;
        case BYTE.closeBrace:
          this.depth--;
          break;
      }
    }
    return undefined;
  }
}

function* splitLines(blocks: Iterable<Block>, end: ByteOffset): Generator<ElementPart, void> {
  for (const { bytes, offset } of blocks) {
    let partStart = 0;
    for (;;) {
      const lineEnd = bytes.indexOf(BYTE.lineFeed, partStart);
      if (lineEnd < 0) break;
      yield {
        bytes: bytes.subarray(partStart, lineEnd),
        offset: byteOffset(offset + partStart),
        endedBy: 'separator',
      };
      partStart = lineEnd + 1;
    }
    if (partStart < bytes.length) {
      yield { bytes: bytes.subarray(partStart), offset: byteOffset(offset + partStart), endedBy: undefined };
    }
  }
  yield { bytes: new Uint8Array(), offset: end, endedBy: 'end' };
}

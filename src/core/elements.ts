/**
 * Splits the bytes of a shard into the elements of its list: at the commas directly inside an array, or at the line
 * feeds of JSON lines. It follows strings and nesting and nothing else of JSON's grammar: what stands between two
 * separators is for a parser to judge, and that judgement is complete, since nothing but separators is kept from it.
 */

import { type Block, BYTE, type ByteOffset, byteOffset, isSpace } from './bytes.js';
import { DatasetSyntaxError } from './errors.js';
import type { DatasetFormat } from './format.js';
import type { Shard } from './shards.js';

/** A piece of an element: all of it, or what one block holds of it. */
export interface ElementPart {
  /** Bytes of the element and of white space around it; valid until the next part is asked for. */
  readonly bytes: Uint8Array;
  readonly offset: ByteOffset;
  /** What ends the element with this part: a separator, or the end of the list; undefined if it goes on. */
  readonly endedBy: 'separator' | 'end' | undefined;
}

/**
 * Yields the parts of all elements of a shard, in order.
 *
 * @param blocks the bytes of the shard, cut anywhere
 * @throws DatasetSyntaxError when the list doesn't end as it should
 */
export function splitElements(
  blocks: Iterable<Block>,
  shard: Shard,
  format: DatasetFormat,
): Generator<ElementPart, void> {
  return format === 'array' ? splitArray(blocks, shard) : splitLines(blocks, shard);
}

function* splitArray(blocks: Iterable<Block>, shard: Shard): Generator<ElementPart, void> {
  let depth = 0;
  let inString = false;
  let escaped = false;
  let ended = false;
  let blank = true;

  for (const { bytes, offset } of blocks) {
    let partStart = 0;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] as number;
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === BYTE.backslash) escaped = true;
        else if (byte === BYTE.quote) inString = false;
        continue;
      }
      if (isSpace(byte)) continue;
      if (ended) {
        throw new DatasetSyntaxError(byteOffset(offset + i), 'expected nothing after the end of the list');
      }
      if (depth === 0 && (byte === BYTE.comma || byte === BYTE.closeBracket)) {
        ended = byte === BYTE.closeBracket;
        const endedBy = ended ? 'end' : 'separator';
        yield { bytes: bytes.subarray(partStart, i), offset: byteOffset(offset + partStart), endedBy };
        partStart = i + 1;
        blank = true;
        continue;
      }
      blank = false;
      if (byte === BYTE.quote) inString = true;
      else if (byte === BYTE.openBrace || byte === BYTE.openBracket) depth++;
      else if ((byte === BYTE.closeBrace || byte === BYTE.closeBracket) && depth > 0) depth--;
    }
    if (partStart < bytes.length && !ended) {
      yield { bytes: bytes.subarray(partStart), offset: byteOffset(offset + partStart), endedBy: undefined };
    }
  }

  const { end } = shard.range;
  if (shard.last) {
    if (ended) return;
    throw new DatasetSyntaxError(end, "the file is cut off; expected ',' or ']' and the end of the list");
  }
  if (ended) throw new DatasetSyntaxError(end, 'expected nothing after the end of the list');
  if (!blank) throw new DatasetSyntaxError(end, "expected ',' or ']' after a record");
}

function* splitLines(blocks: Iterable<Block>, shard: Shard): Generator<ElementPart, void> {
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
  yield { bytes: new Uint8Array(), offset: shard.range.end, endedBy: 'end' };
}

/**
 * Finds the values of a file that holds JSON values one after the other, on any number of lines, and the lists directly inside each of them.
 * It follows only the strings and the nesting of JSON's grammar: parsing a value validates it.
 */

import { type Block, BYTE, type ByteOffset, type ByteRange, byteOffset, isSpace } from '../core/bytes.js';
import { DatasetSyntaxError } from '../core/errors.js';
import { KEY_LENGTH_NAMED_MAX } from '../core/limits.js';
import { StringSkipper } from './strings-in-json.js';

/** The bytes of a byte order mark: files that were put together have some in between. */
const BYTE_ORDER_MARK: ReadonlySet<number> = new Set([0xef, 0xbb, 0xbf]);

/** A list that is directly inside an object. */
export interface NamedList {
  readonly key: string;
  /** From after its opening bracket to after its closing bracket. */
  readonly body: ByteRange;
}

/** A value that no other value contains. */
export interface OuterValue {
  readonly range: ByteRange;
  /** Its lists whose first element is an object or a list. */
  readonly lists: readonly NamedList[];
}

/**
 * Yields the outer values, in order. A value that is cut off ends where the last block ends.
 *
 * @throws DatasetSyntaxError at a byte between two values
 */
export function* outerValues(blocks: Iterable<Block>): Generator<OuterValue, void> {
  const scanner = new ValueScanner();
  let end = 0;
  for (const { bytes, offset } of blocks) {
    yield* scanner.scan(bytes, offset);
    end = offset + bytes.length;
  }
  const last = scanner.end(byteOffset(end));
  if (last !== undefined) yield last;
}

/** The state of a scan between two blocks. */
class ValueScanner {
  private readonly strings = new StringSkipper();
  private depth = 0;
  private start = 0;
  private lists: NamedList[] = [];
  /** The last string directly inside the outer object: a key, where a list follows. Its bytes, as far as they are kept. */
  private key: number[] = [];
  private isInKey = false;
  /** Where the current list directly inside the outer object begins, and whether its first element was seen to be an object or list. */
  private listStart: number | undefined;
  private isListOfStructures: boolean | undefined;

  *scan(bytes: Uint8Array, offset: number): Generator<OuterValue, void> {
    let i = this.strings.inString ? this.string(bytes, 0) : 0;
    for (; i < bytes.length; i++) {
      const byte = bytes[i] as number;
      if (isSpace(byte) || (this.depth === 0 && BYTE_ORDER_MARK.has(byte))) continue;
      if (this.depth === 0 && byte !== BYTE.openBrace && byte !== BYTE.openBracket) {
        throw new DatasetSyntaxError(byteOffset(offset + i), 'not valid JSON: expected an object or a list');
      }
      if (this.depth === 2 && this.listStart !== undefined && this.isListOfStructures === undefined) {
        this.isListOfStructures = byte === BYTE.openBrace || byte === BYTE.openBracket;
      }
      switch (byte) {
        case BYTE.quote:
          this.isInKey = this.depth === 1;
          if (this.isInKey) this.key = [];
          i = this.string(bytes, i + 1) - 1;
          break;
        case BYTE.openBrace:
        case BYTE.openBracket:
          if (this.depth === 0) this.start = offset + i;
          this.depth++;
          if (this.depth === 2 && byte === BYTE.openBracket) {
            this.listStart = offset + i + 1;
            this.isListOfStructures = undefined;
          }
          break;
        case BYTE.closeBrace:
        case BYTE.closeBracket:
          this.depth--;
          if (this.depth === 1) this.endList(byteOffset(offset + i + 1));
          if (this.depth <= 0) {
            this.depth = 0;
            yield this.value(byteOffset(offset + i + 1));
          }
      }
    }
  }

  /** The value that the file's end cuts off, if there is one. */
  end(at: ByteOffset): OuterValue | undefined {
    return this.depth === 0 ? undefined : this.value(at);
  }

  private value(end: ByteOffset): OuterValue {
    const { lists } = this;
    this.lists = [];
    return { range: { start: byteOffset(this.start), end }, lists };
  }

  private endList(end: ByteOffset): void {
    const { listStart } = this;
    this.listStart = undefined;
    if (listStart === undefined || this.isListOfStructures !== true) return;
    this.lists.push({
      key: Buffer.from(this.key).toString(),
      body: { start: byteOffset(listStart), end },
    });
  }

  private string(bytes: Uint8Array, from: number): number {
    const to = this.strings.skip(bytes, from);
    if (this.isInKey) {
      const left = KEY_LENGTH_NAMED_MAX - this.key.length;
      const end = this.strings.inString ? to : to - 1;
      this.key.push(...bytes.subarray(from, Math.min(end, from + left)));
    }
    return to;
  }
}

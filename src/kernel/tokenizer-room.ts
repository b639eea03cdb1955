/** What an instance of the tokenizers' module writes to. */

import { threadId } from 'node:worker_threads';
import { PAGE_CODE_POINTS, tiktokenClassesOf } from './character-classes.js';
import { SHARED_PAGES_MAX, type TokenizerExports, tokenizerInstance, type Vocabulary } from './vocabulary.js';

const PAGE_BYTES = 65_536;

/** An instance, and the part of the memory that it writes to. */
export class Room {
  readonly exports: TokenizerExports;
  /** The longest text, in bytes. */
  readonly textBytes: number;
  /** The text whose slice the room has, if it is one that is encoded in steps. */
  laid: object | undefined;
  private readonly bytes: Buffer;
  private readonly textAt: number;
  private readonly spelledAt: number;

  constructor(exports: TokenizerExports, memory: WebAssembly.Memory) {
    this.exports = exports;
    this.textBytes = exports.textBytesMax();
    this.bytes = Buffer.from(memory.buffer);
    this.textAt = exports.textAt();
    this.spelledAt = exports.spelledAt();
  }

  /** Writes a text. @param isSlice true if more text follows */
  lay(text: string, isSlice: boolean): void {
    // A lone surrogate becomes U+FFFD.
    this.take(this.bytes.write(text, this.textAt, 'utf8'), isSlice);
  }

  /** The same for a text that is spelled, of at most half of `textBytes`. */
  laySpelled(spelled: Uint8Array): void {
    this.bytes.set(spelled, this.spelledAt);
    this.take(this.exports.unspell(spelled.length), false);
  }

  /** The first `count` tokens of the last step. */
  tokens(count: number): Uint32Array {
    return new Uint32Array(this.bytes.buffer, this.exports.tokensAt(), count).slice();
  }

  private take(length: number, isSlice: boolean): void {
    const { exports, bytes } = this;
    this.laid = undefined;
    for (let page = exports.takeText(length, isSlice); page >= 0; page = exports.takeText(length, isSlice)) {
      // Other threads may use the page at once: each byte is written once.
      bytes.set(tiktokenClassesOf(page), exports.classesAt() + page * PAGE_CODE_POINTS);
    }
  }
}

/** A room for the calling thread. */
export function roomOf(vocabulary: Vocabulary): Room {
  const { name, module, memory } = vocabulary;
  const exports = tokenizerInstance(module, memory);
  exports.begin(name === 'o200k_base');
  return exports.claimRoom(threadId) ? new Room(exports, memory) : ownRoom(vocabulary, exports.sharedEnd());
}

/** A room in a copy of the vocabulary, if all shared ones are used. @param end of the vocabulary, in bytes */
function ownRoom({ name, module, memory }: Vocabulary, end: number): Room {
  const own = new WebAssembly.Memory({
    initial: Math.ceil(end / PAGE_BYTES),
    maximum: SHARED_PAGES_MAX,
    shared: true,
  });
  new Uint8Array(own.buffer).set(new Uint8Array(memory.buffer, 0, end));
  const exports = tokenizerInstance(module, own);
  exports.begin(name === 'o200k_base');
  exports.takeOwnRoom();
  return new Room(exports, own);
}

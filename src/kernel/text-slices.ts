/** Texts that are too long for a room. */

import type { Room } from './tokenizer-room.js';
import type { TokenizerExports } from './vocabulary.js';

/** The UTF-16 units of a text that are written to a room together. Each has at most three bytes of UTF-8. */
export const SLICE_UNITS = 20_000;
/** In place of the end of a word, if that is in a later slice. */
const LATER = 2 ** 31;

/** A text that is encoded in slices, and how far it was. */
export class Slices {
  private readonly text: string;
  /** Where the slice begins, in UTF-16 units. */
  private from = 0;
  /** How far the slice was encoded, in bytes, and the end of the word that is unfinished there, or 0. */
  private position = 0;
  private unfinished = 0;
  /** Where a word ends in the text that began before the slice, or is longer than it. */
  private wordEnd = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** True if the slice is the last one. */
  get isLast(): boolean {
    return this.from + SLICE_UNITS >= this.text.length;
  }

  /** Writes the slice to a room, and goes on where the text was encoded to. */
  lay(room: Room): void {
    this.layAhead(room, 0);
    room.exports.resume(this.position, this.unfinished);
    room.laid = this;
  }

  /** Writes a slice to a room that is some UTF-16 units ahead. */
  layAhead(room: Room, units: number): void {
    const from = this.from + units;
    const end = from + SLICE_UNITS;
    room.lay(this.text.slice(from, end), end < this.text.length);
  }

  /** Takes note of how far the slice was encoded. */
  encoded(exports: TokenizerExports): void {
    this.position = exports.position();
    this.unfinished = exports.unfinishedEnd();
  }

  /** Goes on to the next slice, which begins with what wasn't encoded. @returns false if that is the same slice */
  goOn(room: Room): boolean {
    const { exports } = room;
    room.laid = undefined;
    const passed = SLICE_UNITS - exports.unitsLeft();
    this.from += passed;
    this.position = exports.splitBytes();
    this.findUnfinished();
    return passed > 0;
  }

  /** Begins with a word of which a number of UTF-16 units is known to be one piece. */
  beginWord(units: number): void {
    this.wordEnd = this.from + units;
    this.findUnfinished();
  }

  private findUnfinished(): void {
    const { text, from, wordEnd } = this;
    if (wordEnd <= from) this.unfinished = 0;
    else if (wordEnd > from + SLICE_UNITS) this.unfinished = LATER;
    else this.unfinished = Buffer.byteLength(text.slice(from, wordEnd));
  }
}

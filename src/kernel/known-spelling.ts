/** Texts whose spelling is known, so that a kernel needn't spell them again: those of the body that was parsed last. */

import { type ByteCount, type ByteOffset, byteCount, byteOffset } from '../core/bytes.js';

/** The numbers of a text among `places`. */
export const PLACE_NUMBERS = 4;
/** The columns: where the text's spelling is in the bytes, and its length there. The other two don't matter here. */
const START = 0;
const LENGTH = 1;

/** How many texts after the one that was found last a text is compared with. It needn't be found: then it is spelled, which takes longer. */
const SEARCHED_TEXTS_MAX = 8;

/** The texts of one body, and where their spellings are in its bytes. */
class KnownSpellings {
  private texts: readonly string[] = [];
  /** A copy: making objects for each body would keep the collection of garbage busy. */
  private places = new Uint32Array();
  private bodyBytes: Buffer = Buffer.alloc(0);
  private bodies = 0;
  /** The length of the shortest text. */
  private lengthMin = Number.POSITIVE_INFINITY;
  /** The text that was found last. Texts are spelled in the order in which the body has them: the next one is expected after it. */
  private found = -1;

  /**
   * Replaces the texts.
   *
   * @param places rows of `PLACE_NUMBERS`, one for each text, and any others
   * @param bytes the spellings, which must be those of `JSON.stringify` and must not change
   */
  set(texts: readonly string[], places: Uint32Array, bytes: Buffer): void {
    const count = texts.length * PLACE_NUMBERS;
    if (this.places.length < count) this.places = new Uint32Array(2 * count);
    for (let i = 0; i < count; i++) this.places[i] = places[i] as number;
    this.lengthMin = Number.POSITIVE_INFINITY;
    for (const { length } of texts) this.lengthMin = Math.min(this.lengthMin, length);
    this.texts = texts;
    this.bodyBytes = bytes;
    this.bodies++;
    this.found = -1;
  }

  /** Forgets all texts. */
  clear(): void {
    this.texts = [];
  }

  /** True if the spelling of a text is known: `start` and `length` are of that one then. */
  find(text: string): boolean {
    const { texts } = this;
    if (text.length < this.lengthMin) return false;
    // From the same one on, which may be needed again.
    for (let i = 0; i <= Math.min(texts.length, SEARCHED_TEXTS_MAX); i++) {
      const at = (this.found + i) % texts.length;
      if (texts[at] !== text) continue;
      this.found = at;
      return true;
    }
    return false;
  }

  /** The bytes that have the spellings, at most 64 KiB. */
  get bytes(): Buffer {
    return this.bodyBytes;
  }

  /** How many bodies there have been. */
  get number(): number {
    return this.bodies;
  }

  /** The length of the spelling that was found, without its quotes. */
  get length(): ByteCount {
    return byteCount(this.places[this.found * PLACE_NUMBERS + LENGTH] as number);
  }

  /** Where the spelling that was found is in `bytes`, after its opening quote. */
  get start(): ByteOffset {
    return byteOffset(this.places[this.found * PLACE_NUMBERS + START] as number);
  }
}

/** The texts of the body that was parsed last. */
export const bodyTexts = new KnownSpellings();

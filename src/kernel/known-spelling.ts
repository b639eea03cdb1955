/** Texts whose spelling is known, so that a kernel needn't spell them again: those of the body that was parsed last. */

/** The numbers of a text among `places`. */
export const PLACE_NUMBERS = 4;
/** The columns: where the text's spelling is in the bytes, and its length there. The other two don't matter here. */
const START = 0;
const LENGTH = 1;

/** The texts of one body, and where their spellings are in its bytes. */
class KnownSpellings {
  private texts: readonly string[] = [];
  private places: readonly number[] = [];
  private bytes: Uint8Array = new Uint8Array();
  /** The length of the shortest text. */
  private lengthMin = Number.POSITIVE_INFINITY;
  /** Where the next text is expected: texts are spelled in the order in which the body has them. */
  private next = 0;

  /**
   * Replaces the texts.
   *
   * @param places a row of `PLACE_NUMBERS` for each text
   * @param bytes the spellings, which must be those of `JSON.stringify` and must not change
   */
  set(texts: readonly string[], places: readonly number[], bytes: Uint8Array): void {
    this.texts = texts;
    this.places = places;
    this.bytes = bytes;
    this.next = 0;
    this.lengthMin = texts.reduce((least, { length }) => Math.min(least, length), Number.POSITIVE_INFINITY);
  }

  /** The spelling of a text without its quotes; undefined if it isn't known. */
  spellingOf(text: string): Uint8Array | undefined {
    const { texts } = this;
    if (text.length < this.lengthMin) return undefined;
    for (let i = 0; i < texts.length; i++) {
      const at = (this.next + i) % texts.length;
      if (texts[at] !== text) continue;
      this.next = at + 1;
      const start = this.places[at * PLACE_NUMBERS + START] as number;
      return this.bytes.subarray(start, start + (this.places[at * PLACE_NUMBERS + LENGTH] as number));
    }
    return undefined;
  }
}

/** The texts of the body that was parsed last. */
export const bodyTexts = new KnownSpellings();

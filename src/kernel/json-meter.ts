/** Measures JSON before it is parsed: `JSON.parse` allocates up to ninety bytes per byte of JSON, and a microsecond for three bytes. */

import { PLACE_NUMBERS } from './known-spelling.js';

/** The exports of `assembly/index.ts` that measure. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  beginMeasuring(): void;
  measuredAt(): number;
  measuredAtOnce(): number;
  measure(length: number): void;
  measureAndCut(length: number): number;
  leftAt(): number;
  cutTexts(): number;
  cutsAt(): number;
  measuredValues(): number;
  measuredParts(): number;
  measuredNames(): number;
  measuredDepth(): number;
}

/** What a JSON text contains. */
export interface JsonSize {
  /** Values of any kind; an empty object or array counts as two. */
  readonly values: number;
  /** Objects, arrays and strings, the names of members included. */
  readonly parts: number;
  /** Distinct names of members and strings of up to ten bytes, approximately. */
  readonly names: number;
  /** How deeply objects and arrays are nested. */
  readonly depth: number;
}

/** The columns of a place after those of the spelling: the address and the length of the decoded text, and a flag of the latter. */
const DECODED_AT = 2;
const DECODED_LENGTH = 3;
/** The text is UTF-16. Without the flag, it is ASCII. */
const WIDE_FLAG = 0x8000_0000;

/** A JSON text whose long texts were cut out. See `assembly/cutting.ts`. */
export interface CutJson {
  /** The rest of it, in which the string `\0` and three digits, the text's number, is in place of each text. It may be invalid. */
  readonly rest: string;
  readonly texts: readonly string[];
  /**
   * Where the spellings of the texts are in the JSON text, as `JSON.stringify` spells them: `PLACE_NUMBERS` for each, and others. It is
   * valid until the next text is measured.
   */
  readonly places: Uint32Array;
}

/** Measures one text at a time, with a kernel instance of its own. */
export class JsonMeter {
  private readonly kernel: Exports;
  private readonly block: Uint8Array;
  private readonly memory: Buffer;
  private readonly places: Uint32Array;

  constructor(module: WebAssembly.Module) {
    this.kernel = new WebAssembly.Instance(module).exports as unknown as Exports;
    const { memory, measuredAt, measuredAtOnce } = this.kernel;
    this.block = new Uint8Array(memory.buffer, measuredAt(), measuredAtOnce());
    this.memory = Buffer.from(memory.buffer);
    this.places = new Uint32Array(memory.buffer, this.kernel.cutsAt());
  }

  /** The longest text that `cut` takes, in bytes. */
  get cutBytesMax(): number {
    return this.block.length;
  }

  /**
   * Measures a whole text, and cuts out the long strings of members whose names are those of texts.
   *
   * @param bytes at most `cutBytesMax`
   * @returns undefined if nothing was cut out
   */
  cut(bytes: Buffer): CutJson | undefined {
    const { kernel, memory } = this;
    this.block.set(bytes);
    const length = kernel.measureAndCut(bytes.length);
    if (length === 0) return undefined;
    const leftAt = kernel.leftAt();
    const count = kernel.cutTexts();
    const texts: string[] = [];
    for (let i = 0; i < count; i++) texts.push(this.textAt(i * PLACE_NUMBERS));
    return { rest: memory.toString('utf8', leftAt, leftAt + length), texts, places: this.places };
  }

  /** The text that was cut out whose place is there. */
  private textAt(place: number): string {
    const { places, memory } = this;
    const at = places[place + DECODED_AT] as number;
    const length = places[place + DECODED_LENGTH] as number;
    const isWide = length >= WIDE_FLAG;
    return memory.toString(isWide ? 'utf16le' : 'latin1', at, at + (isWide ? length - WIDE_FLAG : length));
  }

  /** Begins a new text. */
  begin(): void {
    this.kernel.beginMeasuring();
  }

  /** Adds the next bytes of the text, which is UTF-8 and may be cut anywhere. If it isn't JSON, `size` is meaningless. */
  add(bytes: Uint8Array): void {
    const { length } = this.block;
    for (let at = 0; at < bytes.length; at += length) {
      const part = bytes.subarray(at, at + length);
      this.block.set(part);
      this.kernel.measure(part.length);
    }
  }

  /** The size of the bytes added so far. */
  get size(): JsonSize {
    const { kernel } = this;
    return {
      values: kernel.measuredValues(),
      parts: kernel.measuredParts(),
      names: kernel.measuredNames(),
      depth: kernel.measuredDepth(),
    };
  }
}

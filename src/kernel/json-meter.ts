/** Measures JSON before it is parsed: `JSON.parse` makes up to ninety bytes of one, and takes up to a microsecond for three. */

/** The exports of `assembly/index.ts` that measure. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  beginMeasuring(): void;
  measuredAt(): number;
  measuredAtOnce(): number;
  measure(length: number): void;
  measuredValues(): number;
  measuredParts(): number;
  measuredNames(): number;
  measuredDepth(): number;
}

/** What JSON holds. */
export interface JsonSize {
  /** Values of any kind; an empty object or array counts as two. */
  readonly values: number;
  /** Objects, arrays and strings, the names of members included. */
  readonly parts: number;
  /** Names of members, and strings of up to ten bytes, equal ones counted once: about as many. */
  readonly names: number;
  /** How many objects and arrays are open at once. */
  readonly depth: number;
}

/** One instance of the kernel, which does nothing else. It measures one text at a time. */
export class JsonMeter {
  private readonly exports: Exports;
  private readonly block: Uint8Array;

  constructor(module: WebAssembly.Module) {
    this.exports = new WebAssembly.Instance(module).exports as unknown as Exports;
    const { memory, measuredAt, measuredAtOnce } = this.exports;
    this.block = new Uint8Array(memory.buffer, measuredAt(), measuredAtOnce());
  }

  /** Begins another text. */
  begin(): void {
    this.exports.beginMeasuring();
  }

  /** Goes on with the next bytes of the text, UTF-8, wherever they are cut. If it isn't JSON, what `size` says means nothing. */
  add(bytes: Uint8Array): void {
    const { length } = this.block;
    for (let at = 0; at < bytes.length; at += length) {
      const part = bytes.subarray(at, at + length);
      this.block.set(part);
      this.exports.measure(part.length);
    }
  }

  /** Of the bytes so far. */
  get size(): JsonSize {
    const { exports } = this;
    return {
      values: exports.measuredValues(),
      parts: exports.measuredParts(),
      names: exports.measuredNames(),
      depth: exports.measuredDepth(),
    };
  }
}

/** Measures JSON before it is parsed: `JSON.parse` allocates up to ninety bytes per byte of JSON, and takes up to a microsecond per three. */

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

/** Measures one text at a time, with a kernel instance of its own. */
export class JsonMeter {
  private readonly exports: Exports;
  private readonly block: Uint8Array;

  constructor(module: WebAssembly.Module) {
    this.exports = new WebAssembly.Instance(module).exports as unknown as Exports;
    const { memory, measuredAt, measuredAtOnce } = this.exports;
    this.block = new Uint8Array(memory.buffer, measuredAt(), measuredAtOnce());
  }

  /** Begins a new text. */
  begin(): void {
    this.exports.beginMeasuring();
  }

  /** Adds the next bytes of the text, which is UTF-8 and may be cut anywhere. If it isn't JSON, `size` is meaningless. */
  add(bytes: Uint8Array): void {
    const { length } = this.block;
    for (let at = 0; at < bytes.length; at += length) {
      const part = bytes.subarray(at, at + length);
      this.block.set(part);
      this.exports.measure(part.length);
    }
  }

  /** The size of the bytes added so far. */
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

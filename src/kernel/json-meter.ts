/** Measures JSON before it is parsed: `JSON.parse` allocates up to ninety bytes per byte of JSON, and a microsecond for three bytes. */

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
  private readonly kernel: Exports;
  private readonly block: Uint8Array;

  constructor(module: WebAssembly.Module) {
    this.kernel = new WebAssembly.Instance(module).exports as unknown as Exports;
    const { memory, measuredAt, measuredAtOnce } = this.kernel;
    this.block = new Uint8Array(memory.buffer, measuredAt(), measuredAtOnce());
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

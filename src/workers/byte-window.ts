/** Bytes of a page of Parquet, or of a buffer of Arrow, that are decompressed as they are read. */

import { DamagedError } from './damaged.js';

/** The most bytes before the end that a source may repeat: encoders of Snappy repeat 64 KiB, rarely 4 MiB; LZ4 has 64 KiB. */
const HISTORY_BYTES = 4 << 20;

/** Appends bytes to a window, at least one unless there are no more. */
export type Fill = (window: ByteWindow) => void;

/** The next bytes of a source. What was read is discarded, so that the memory doesn't depend on how many bytes there are. */
export class ByteWindow {
  /** The memory: unread bytes from `at` to `end`, after bytes that may be repeated. */
  bytes: Buffer;
  at = 0;
  end = 0;
  private readonly fill: Fill;
  /** Bytes that the source hasn't appended yet. */
  private coming: number;
  private readonly history: number;

  /**
   * @param length of all bytes
   * @param fill the source
   * @param repeats true if the source repeats bytes of the window
   */
  constructor(length: number, fill: Fill, repeats = false) {
    this.bytes = Buffer.alloc(0);
    this.coming = length;
    this.fill = fill;
    this.history = repeats ? HISTORY_BYTES : 0;
  }

  /** A window of bytes that are in memory. */
  static of(bytes: Uint8Array): ByteWindow {
    const window = new ByteWindow(0, () => undefined);
    window.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    window.end = bytes.length;
    return window;
  }

  /** The number of all bytes that weren't read yet. */
  get left(): number {
    return this.end - this.at + this.coming;
  }

  /**
   * Makes the next bytes available. Views of earlier ones are invalid then.
   *
   * @throws DamagedError if there are fewer
   */
  need(length: number): void {
    if (length > this.left) throw new DamagedError('its values are longer than its bytes');
    while (this.end - this.at < length) {
      this.reserve(length - (this.end - this.at));
      const { coming } = this;
      this.fill(this);
      if (this.coming >= coming || this.coming < 0)
        throw new DamagedError('its bytes are fewer or more than it says');
    }
  }

  /** Reads bytes: a view that is valid until more are needed. */
  take(length: number): Buffer {
    this.need(length);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** Makes room for bytes after the end, for the source. */
  reserve(length: number): void {
    if (this.end + length <= this.bytes.length) return;
    const from = Math.max(0, Math.min(this.at, this.end - this.history));
    const needed = this.end - from + length;
    const all = Math.max(needed, this.end - from + this.coming);
    // Moving bytes is rare if half of the memory is free then.
    const bytes =
      Math.min(2 * needed, all) <= this.bytes.length
        ? this.bytes
        : Buffer.allocUnsafeSlow(Math.min(2 * needed, all));
    this.bytes.copy(bytes, 0, from, this.end);
    this.bytes = bytes;
    this.at -= from;
    this.end -= from;
  }

  /** Counts bytes that the source has written after the end. */
  appended(length: number): void {
    this.end += length;
    this.coming -= length;
  }
}

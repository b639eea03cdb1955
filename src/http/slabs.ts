import type { ByteCount } from '../core/bytes.js';
import { SLABS_KEPT } from '../core/limits.js';

/** Memory to make the bytes of streams in. Some of it is kept: to allocate a slab takes as long as to fill it. */
export class Slabs {
  private readonly free: Buffer[] = [];
  private readonly bytes: ByteCount;

  /** @param bytes the length of a slab */
  constructor(bytes: ByteCount) {
    this.bytes = bytes;
  }

  take(): Buffer {
    return this.free.pop() ?? Buffer.allocUnsafeSlow(this.bytes);
  }

  /** Gives one back, whose bytes nobody needs any more. */
  give(slab: Buffer): void {
    if (slab.length === this.bytes && this.free.length < SLABS_KEPT) this.free.push(slab);
  }

  /** One that has room for so many bytes more, in place of one that is filled to there. */
  longer(slab: Buffer, filled: number, bytes: number): Buffer {
    const longer = Buffer.allocUnsafeSlow(filled + bytes);
    slab.copy(longer, 0, 0, filled);
    this.give(slab);
    return longer;
  }
}

import type { ByteCount } from '../core/bytes.js';
import { SLABS_KEPT } from '../core/limits.js';

/** Memory to build the bytes of streams in. Some slabs are kept for reuse: allocating one takes as long as filling it. */
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

  /** Gives back a slab whose bytes aren't needed any more. */
  give(slab: Buffer): void {
    if (slab.length === this.bytes && this.free.length < SLABS_KEPT) this.free.push(slab);
  }

  /** Replaces a slab that is filled up to `filled` by one that has room for `bytes` more. */
  longer(slab: Buffer, filled: number, bytes: number): Buffer {
    const longer = Buffer.allocUnsafeSlow(filled + bytes);
    slab.copy(longer, 0, 0, filled);
    this.give(slab);
    return longer;
  }
}

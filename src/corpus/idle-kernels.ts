import { byteCount } from '../core/bytes.js';
import { Kernel, kernelModule } from '../kernel/kernel.js';

/** The input of a new kernel, and the largest one that is kept: an instance has some twelve times as much memory. */
const NEW_BYTES = byteCount(1 << 18);
const KEPT_BYTES = byteCount(1 << 20);
const KEPT_MAX = 2;

const idle: Kernel[] = [];

/** A kernel of the main thread that looks up nothing, for one walk. */
export function takeKernel(): Kernel {
  return idle.pop() ?? new Kernel(kernelModule(), NEW_BYTES);
}

/** Gives a kernel back after a walk that hasn't trapped. */
export function giveKernel(kernel: Kernel): void {
  if (kernel.capacity <= KEPT_BYTES && idle.length < KEPT_MAX) idle.push(kernel);
}

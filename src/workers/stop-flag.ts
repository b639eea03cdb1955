/**
 * Stops running tasks whose results aren't needed any more. The flag is one number in shared memory: the index of the last shard that still
 * matters. (Piscina can abort a task only by ending its thread, and with it everything that the thread has open.)
 */
export type StopFlag = Int32Array<SharedArrayBuffer>;

const NO_SHARD = -1;
const EVERY_SHARD = 0x7fff_ffff;

/** A flag that stops nothing yet. */
export function newStopFlag(): StopFlag {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)).fill(EVERY_SHARD);
}

/** True once the shard with that index doesn't matter any more. */
export function isStopped(flag: StopFlag, shardIndex: number): boolean {
  return Atomics.load(flag, 0) < shardIndex;
}

/** Stops the shards after that index. The others continue: what they find comes first in the file. */
export function stopAfter(flag: StopFlag, shardIndex: number): void {
  let last = Atomics.load(flag, 0);
  while (shardIndex < last) last = Atomics.compareExchange(flag, 0, last, shardIndex);
}

/** Stops all shards. */
export function stopAll(flag: StopFlag): void {
  stopAfter(flag, NO_SHARD);
}

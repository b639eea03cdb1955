/** The hash of the bytes of a conversation's id, which is never 0. (FNV-1a, 32 bits.) */
export function hashOfId(id: Uint8Array, start = 0, end = id.length): number {
  let hash = 0x811c_9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (id[i] as number), 0x0100_0193);
  return hash >>> 0 || 1;
}

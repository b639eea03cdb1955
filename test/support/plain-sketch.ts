/** Sketches in their simplest form: see src/kernel/assembly/sketch.ts. */

import { normalizeSpace } from '#dist/core/keys.js';
import { withoutThinking } from '#dist/core/thinking.js';

/** The four numbers of a text's sketch, without a mark. */
export function plainSketch(text: string): readonly number[] {
  const spelled = JSON.stringify(normalizeSpace(withoutThinking(text))).slice(1, -1);
  const bytes = Buffer.from(spelled.replace(/[A-Z]/g, (letter) => letter.toLowerCase()));
  const padded = Buffer.concat([bytes, Buffer.alloc(Math.max(0, 4 - bytes.length))]);
  const shingles = Array.from({ length: padded.length - 3 }, (_, at) => padded.readUInt32LE(at));
  const bins = new Array<number>(128).fill(0xffff_ffff);
  for (let round = 0; round < 127 && bins.slice(0, 120).includes(0xffff_ffff); round++) {
    for (const shingle of shingles) {
      const once = Math.imul(shingle + Math.imul(round, 0x9e37_79b9), 0x85eb_ca6b) >>> 0;
      const hash = Math.imul(once ^ (once >>> 15), 0xc2b2_ae35) >>> 0;
      const rank = round * 2 ** 25 + (hash & 0x1ff_ffff);
      bins[hash >>> 25] = Math.min(bins[hash >>> 25] as number, rank);
    }
  }
  const bits = bins.slice(0, 120).map((rank) => Math.imul(rank, 0x9e37_79b1) >>> 31);
  const numberAt = (from: number) =>
    bits.slice(from, from + 32).reduce((sum, bit, i) => sum + bit * 2 ** i, 0);
  return [0, 32, 64, 96].map(numberAt);
}

import { randomFillSync } from 'node:crypto';

/** Random bytes per system call, which takes about as long for a few bytes as for these. */
const DRAWN_BYTES = 4096;

/** Makes random hexadecimal strings of a given length, up to a few thousand digits. */
export function randomIds(): (length: number) => string {
  const bytes = Buffer.allocUnsafeSlow(DRAWN_BYTES);
  let digits = '';
  let used = 0;
  return (length) => {
    if (used + length > digits.length) {
      digits = randomFillSync(bytes).toString('hex');
      used = 0;
    }
    used += length;
    return digits.slice(used - length, used);
  };
}

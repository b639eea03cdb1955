import { randomFillSync } from 'node:crypto';

/** How much chance is drawn at once, in bytes: asking the system for it takes about as long for a few bytes as for these. */
const DRAWN_BYTES = 4096;

/** Makes random strings of so many hexadecimal digits, up to a few thousand. */
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

import { normalizeSpace } from '#dist/core/keys.js';

/** The first letters of a text, on which the beginning's key depends; a byte string. */
export function firstLetters(text: string): string {
  return Buffer.from(JSON.stringify(normalizeSpace(text)).slice(1, -1))
    .subarray(0, 64)
    .toString('latin1')
    .replace(/\xe2\x80[\s\S]?/g, '')
    .replace(/[^a-z0-9\x80-\xff]/gi, '')
    .slice(0, 20)
    .replace(/[A-Z]/g, (capital) => capital.toLowerCase());
}

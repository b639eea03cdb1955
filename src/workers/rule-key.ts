import type { Key } from '../core/keys.js';
import type { Kernel } from '../kernel/kernel.js';

/**
 * The key of a text to which rules were applied; its lowest bit says whether the reply to its turn isn't an assistant's. Undefined for a
 * text without letters, which matches nothing.
 */
export function ruleKeyOf(kernel: Kernel, text: string, isOther: boolean): Key | undefined {
  const key = text === '' ? undefined : kernel.keysOf(text)?.key;
  return key && { low: ((key.low & ~1) | Number(isOther)) >>> 0, high: key.high };
}

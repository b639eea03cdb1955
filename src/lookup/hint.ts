import type { KeySeed, TextKeys } from '../core/keys.js';
import { SIMILAR_BYTES_MAX } from '../core/limits.js';
import type { Query } from '../core/query.js';
import type { Kernel } from '../kernel/kernel.js';
import { partsOf } from './prompt-parts.js';
import { QueryMemo } from './query-memo.js';

/** Characters of a text that suffice to know its first letters, unless it has much white space. */
const PART_KEYED_LENGTH = 256;

/** What a search for turns that are similar to a prompt needs of the prompt. */
export interface Hint {
  readonly prompt: string;
  /** The keys of the whole prompt. */
  readonly keys: TextKeys;
  /** The prompt, and the parts of it that may be turns, each with the lower half of the normalized key of its beginning. */
  readonly parts: readonly { readonly text: string; readonly low: number }[];
}

const memo = new QueryMemo<Hint>();

/** The hint of a query's prompt; undefined if it is too long or has no text. */
export function hintOf(query: Query, kernel: Kernel, seed: KeySeed): Hint | undefined {
  const prompt = query.histories[0]?.at(-1) ?? '';
  if (prompt.length > SIMILAR_BYTES_MAX || !/\S/.test(prompt)) return undefined;
  const known = memo.get(query, seed);
  if (known !== undefined) return known;
  kernel.useSeed(seed);
  const keys = kernel.keysOf(prompt);
  if (keys === undefined) return undefined;
  const parts = [prompt, ...partsOf(prompt)].flatMap((text) => {
    const low = kernel.keysOf(text.slice(0, PART_KEYED_LENGTH))?.normalized.low;
    return low === undefined ? [] : { text, low };
  });
  return memo.set(query, seed, { prompt, keys, parts });
}

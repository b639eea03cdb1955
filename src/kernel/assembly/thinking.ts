/** Finds the thinking of core/thinking.ts in a text as `JSON.stringify` spells it. */

import { skipSpace } from './normalizing';

/** `<think>` and `</think>` as little-endian numbers. */
const START: u64 = 0x3e6b6e6968743c;
const START_MASK: u64 = 0xffffffffffffff;
const START_BYTES: usize = 7;
const END: u64 = 0x3e6b6e6968742f3c;
const END_BYTES: usize = 8;
const LESS_THAN: u8 = 0x3c;
const SLASH: u8 = 0x2f;

/** True if a text begins with the start tag, which may follow white space. */
export function beginsThinking(p: usize, end: usize): bool {
  return isStart(skipSpace(p, end), end);
}

/** Where the text from `p` to `end` continues after its thinking; `p` if it has none, or if only white space follows. */
export function afterThinking(p: usize, end: usize): usize {
  const start = skipSpace(p, end);
  if (!isStart(start, end)) return p;
  const close = findEnd(start + START_BYTES, end);
  if (close === 0) return p;
  const answer = skipSpace(close + END_BYTES, end);
  return answer < end ? answer : p;
}

function isStart(p: usize, end: usize): bool {
  return (load<u64>(p) & START_MASK) === START && p + START_BYTES <= end;
}

/** The first end tag, or 0. */
function findEnd(p: usize, end: usize): usize {
  for (; p < end; p += 16) {
    const lessThan = i8x16.eq(v128.load(p), i8x16.splat(LESS_THAN));
    const slashes = i8x16.eq(v128.load(p, 1), i8x16.splat(SLASH));
    for (let tags = i8x16.bitmask(v128.and(lessThan, slashes)); tags !== 0; tags &= tags - 1) {
      const tag = p + ctz(tags);
      if (load<u64>(tag) === END) return tag + END_BYTES <= end ? tag : 0;
    }
  }
  return 0;
}

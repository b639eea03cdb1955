/** The names that matter in records, turns and parts. Their numbers are indexes into the lists of core/conversation.ts. */

import { respelled } from './memory';
import { hadEscape, respell, respelledTo } from './strings';
import { end, keyAt, keyLength } from './values';

export const PART_TYPE: i32 = 0;
export const PART_TEXT: i32 = 1;

/** The name of the part's member that was read last; -1 is any other. */
export function partName(): i32 {
  const key = plain(keyAt, keyLength);
  if (plainLength !== 4) return -1;
  if (isName(key, 'type')) return PART_TYPE;
  return isName(key, 'text') ? PART_TEXT : -1;
}

/** True if the string at `value`, which was skipped last, is the type of a text part. */
export function isPartText(value: usize, length: usize): bool {
  value = plain(value, length);
  return plainLength === 4 && isName(value, 'text');
}

const LETTER_E: u8 = 0x65;
// Names in turns, as little-endian numbers; of `value` only the first four bytes.
const FROM: u32 = 0x6d6f7266;
const ROLE: u32 = 0x656c6f72;
const VALU: u32 = 0x756c6176;
const CONTENT: u64 = 0x746e65746e6f63;
const SEVEN_BYTES: u64 = 0xffffffffffffff;

/** The name of the turn's member that was read last: 0 and 1 are roles, 2 and 3 are texts, -1 is any other. */
export function turnName(): i32 {
  const key = plain(keyAt, keyLength);
  const first = load<u32>(key);
  if (plainLength === 4) return first === FROM ? 0 : first === ROLE ? 1 : -1;
  if (plainLength === 5) return first === VALU && load<u8>(key, 4) === LETTER_E ? 2 : -1;
  return plainLength === 7 && (load<u64>(key) & SEVEN_BYTES) === CONTENT ? 3 : -1;
}

/** True if the turn's member that was read last has a name of function calls. */
export function isCallsName(): bool {
  const key = plain(keyAt, keyLength);
  if (plainLength === 10) return isName(key, 'tool_calls');
  return plainLength === 13 && isName(key, 'function_call');
}

/** The name of the record's member that was read last: 0 to 3 are lists, 4 to 6 are ids, -1 is any other. */
export function recordName(): i32 {
  const key = plain(keyAt, keyLength);
  switch (<i32>plainLength) {
    case 13:
      return isName(key, 'conversations') ? 0 : -1;
    case 12:
      return isName(key, 'conversation') ? 1 : -1;
    case 8:
      return isName(key, 'messages') ? 2 : -1;
    case 5:
      return isName(key, 'items') ? 3 : -1;
    case 2:
      return isName(key, 'id') ? 4 : -1;
    case 15:
      return isName(key, 'conversation_id') ? 5 : -1;
    case 17:
      return isName(key, 'conversation_hash') ? 6 : -1;
    default:
      return -1;
  }
}

/** The length of the longest name with all its characters as six-byte escapes. */
const SPELLED_MAX: usize = 17 * 6;
let plainLength: usize = 0;

/** The string that was skipped last, without its escapes if it could be a name. Sets `plainLength` to its length in bytes. */
function plain(string: usize, length: usize): usize {
  plainLength = length;
  if (!hadEscape || length > SPELLED_MAX) return string;
  respell(string, end, respelled);
  plainLength = respelledTo - respelled;
  return respelled;
}

/** True if the bytes at `p` are those of an ASCII name. */
function isName(p: usize, name: string): bool {
  const characters = changetype<usize>(name);
  for (let i = 0; i < name.length; i++) {
    if (load<u8>(p + i) !== load<u16>(characters + (i << 1))) return false;
  }
  return true;
}

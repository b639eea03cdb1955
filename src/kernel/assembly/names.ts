/** The names that matter in records, turns and parts. Their numbers are indexes into the lists of core/conversation.ts. */

import { respelled } from './memory';
import { hadEscape, respell, respelledTo } from './strings';
import { end, keyAt, keyLength } from './values';

export const PART_TYPE: i32 = 0;
export const PART_TEXT: i32 = 1;
export const PART_VALUE: i32 = 2;
export const PART_CONTENT: i32 = 3;

/** The name of the part's member that was read last; -1 is any other. */
export function partName(): i32 {
  const key = plain(keyAt, keyLength);
  switch (<i32>plainLength) {
    case 4:
      if (isName(key, 'type')) return PART_TYPE;
      return isName(key, 'text') ? PART_TEXT : -1;
    case 5:
      return isName(key, 'value') ? PART_VALUE : -1;
    case 7:
      return isName(key, 'content') ? PART_CONTENT : -1;
    default:
      return -1;
  }
}

export const TEXT_PART: i32 = 0;
export const RESULT_PART: i32 = 1;
export const OTHER_PART: i32 = 2;

/** The kind of a part whose type is the string at `value`, which was skipped last. */
export function partKind(value: usize, length: usize): i32 {
  value = plain(value, length);
  switch (<i32>plainLength) {
    case 4:
      return isName(value, 'text') ? TEXT_PART : OTHER_PART;
    case 10:
      return isName(value, 'input_text') ? TEXT_PART : OTHER_PART;
    case 11:
      if (isName(value, 'output_text')) return TEXT_PART;
      return isName(value, 'tool_result') ? RESULT_PART : OTHER_PART;
    default:
      return OTHER_PART;
  }
}

const SPACE: u8 = 0x20;
/** The bit that makes a capital letter a small one. */
const LOWER_BIT: u8 = 0x20;
const LOWER_BITS: u32 = 0x20202020;
// The most frequent roles, as little-endian numbers; of `human` only the first four bytes.
const USER: u32 = 0x72657375;
const TOOL: u32 = 0x6c6f6f74;
const HUMA: u32 = 0x616d7568;
const LETTER_N: u8 = 0x6e;
const LETTER_E: u8 = 0x65;
const LETTER_S: u8 = 0x73;
// Names in turns, as little-endian numbers; of `value` and `parts` only the first four bytes.
const FROM: u32 = 0x6d6f7266;
const ROLE: u32 = 0x656c6f72;
const VALU: u32 = 0x756c6176;
const PART: u32 = 0x74726170;
const CONTENT: u64 = 0x746e65746e6f63;
const REFUSAL: u64 = 0x6c617375666572;
const SEVEN_BYTES: u64 = 0xffffffffffffff;

/** The name of the turn's member that was read last: 0 and 1 are roles, 2 to 5 are texts, -1 is any other. */
export function turnName(): i32 {
  const key = plain(keyAt, keyLength);
  const first = load<u32>(key);
  if (plainLength === 4) return first === FROM ? 0 : first === ROLE ? 1 : -1;
  if (plainLength === 5) {
    const last = load<u8>(key, 4);
    if (first === VALU && last === LETTER_E) return 2;
    return first === PART && last === LETTER_S ? 4 : -1;
  }
  if (plainLength !== 7) return -1;
  const name = load<u64>(key) & SEVEN_BYTES;
  return name === CONTENT ? 3 : name === REFUSAL ? 5 : -1;
}

/** True if the turn's member that was read last has a name of function calls. */
export function isCallsName(): bool {
  const key = plain(keyAt, keyLength);
  if (plainLength === 10) return isName(key, 'tool_calls');
  return plainLength === 13 && isName(key, 'function_call');
}

/** True if the turn's member that was read last has a name of reasoning. */
export function isReasoningName(): bool {
  const key = plain(keyAt, keyLength);
  if (plainLength === 17) return isName(key, 'reasoning_content');
  return (plainLength === 9 && isName(key, 'reasoning')) || (plainLength === 8 && isName(key, 'thinking'));
}

/** The roles, in the order of `ROLES` in core/roles.ts. */
export const ASSISTANT: u8 = 0;
const USER_ROLE: u8 = 1;
const SYSTEM_ROLE: u8 = 2;
const TOOL_ROLE: u8 = 3;

/** The role that a name means, as core/roles.ts decides it. The name must be the string that was skipped last. */
export function roleOf(role: usize, length: usize): u8 {
  if (hadEscape) {
    respell(role, end, respelled);
    role = respelled;
    length = respelledTo - respelled;
  }
  while (length > 0 && load<u8>(role) === SPACE) {
    role++;
    length--;
  }
  while (length > 0 && load<u8>(role + length - 1) === SPACE) length--;
  const first = load<u32>(role) | LOWER_BITS;
  switch (<i32>length) {
    case 4:
      return first === USER ? USER_ROLE : first === TOOL ? TOOL_ROLE : ASSISTANT;
    case 5:
      if (first === HUMA) return (load<u8>(role, 4) | LOWER_BIT) === LETTER_N ? USER_ROLE : ASSISTANT;
      return isRole(role, 'input') ? USER_ROLE : ASSISTANT;
    case 6:
      return isRole(role, 'system') ? SYSTEM_ROLE : ASSISTANT;
    case 7:
      return isRole(role, 'ipython') ? TOOL_ROLE : ASSISTANT;
    case 8:
      if (isRole(role, 'prompter')) return USER_ROLE;
      return isRole(role, 'function') ? TOOL_ROLE : ASSISTANT;
    case 9:
      return isRole(role, 'developer') ? SYSTEM_ROLE : ASSISTANT;
    case 11:
      return isRole(role, 'observation') || isRole(role, 'toolmessage') ? TOOL_ROLE : ASSISTANT;
    case 12:
      return isRole(role, 'humanmessage') ? USER_ROLE : ASSISTANT;
    case 13:
      if (isRole(role, 'systemmessage')) return SYSTEM_ROLE;
      return isRole(role, 'tool_response') ? TOOL_ROLE : ASSISTANT;
    case 15:
      return isRole(role, 'functionmessage') ? TOOL_ROLE : ASSISTANT;
    case 17:
      return isRole(role, 'humanmessagechunk') ? USER_ROLE : ASSISTANT;
    default:
      return ASSISTANT;
  }
}

/** True if the bytes at `p` are those of a role, whose letters may be capitals. */
function isRole(p: usize, name: string): bool {
  const characters = changetype<usize>(name);
  for (let i = 0; i < name.length; i++) {
    const byte = load<u8>(p + i);
    const wanted = load<u16>(characters + (i << 1));
    if (byte !== wanted && (byte | LOWER_BIT) !== wanted) return false;
  }
  return true;
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

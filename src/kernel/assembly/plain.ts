/**
 * Plain records: objects of a few members whose values are all strings. What becomes of such a record depends on its keys,
 * and on which strings are empty. So a form is made once for all records of a kind: the lines of a spool, with gaps for the record's
 * strings, which are copied as they are spelled.
 */

import { firstMember, isClosed, nextMember } from './containers';
import { align, grow, PADDING, RECORD_BYTES, RECORDS_MAX } from './memory';
import { BACKSLASH, LETTER_U, QUOTE, SLASH, skipUsual } from './strings';
import { begin, keyAt, keyLength, OPEN_BRACE, OPEN_BRACKET } from './values';

/** The most members of a plain record, and the longest key in bytes. */
const MEMBERS_MAX: usize = 8;
const KEY_MAX: usize = 32;
const FORMS_MAX: usize = 16;

/** For each member of the record that was read last, the address of its string, its length in bytes, and that of its text in characters. */
const members = memory.data(96, 4);
const MEMBER_BYTES: usize = 12;
let memberCount: usize = 0;

/** The kind of the record that was read last: for each member its key, a quote, and the class of its string. */
const kind = memory.data(288, 8);
let kindLength: usize = 0;

const SPACE: u8 = 0x20;
const LESS_THAN: u8 = 0x3c;
const NUMBER_SIGN: u8 = 0x23;
const BAR: u8 = 0x7c;
const CAPITAL_A: u8 = 0x41;
const LETTER_S: u8 = 0x73;
/** The bit that makes a capital letter a small one. */
const LOWER_BIT: u8 = 0x20;
/** `\n` and `\t` as little-endian numbers. */
const LINE_FEED_ESCAPE: u16 = 0x6e5c;
const TAB_ESCAPE: u16 = 0x745c;

/** The classes of strings. */
const EMPTY: u8 = 0x65;
const TEXT: u8 = 0x74;

/**
 * A form:
 *
 *     | length of the kind | length of the code | members that are prompts, a bit each | number of turns |
 *     | records so far | the longest text so far | characters so far, 8 bytes | kind | code | turns |
 *
 * The code is a list of numbers, each of them one of these. A turn is the number of characters that it has in all records, and its members,
 * a bit each. All is aligned to four bytes.
 */
const FORM_BYTES: usize = 4096;
const FORM_HEAD_BYTES: usize = 32;
/** Copies a member's string: the member's index is added. */
const COPY: u32 = 0x80000000;
/** Leaves a blank for the record's number. */
const BLANK: u32 = 0x40000000;
// Any other number is a length: that of the bytes that follow, which are copied.
const BLANK_BYTES: usize = 12;

let forms: usize = 0;
let formCount: usize = 0;
/** The form that fitted last. */
let lastForm: usize = 0;

// The memory: | forms | rows of records | input | blanks | lines |
let rows: usize = 0;
let input: usize = 0;
let blanks: usize = 0;
let blanksEnd: usize = 0;
let lines: usize = 0;
let linesEnd: usize = 0;

/** Where the next blank and the next line go. */
let blank: usize = 0;
let out: usize = 0;

/** Lays out the memory. The parameters are the maximum sizes of the input and of the lines, and the maximum number of blanks. */
export function layPlain(inputBytes: usize, linesBytes: usize, blankCount: usize): void {
  if (forms === 0) forms = align(__heap_base);
  rows = forms + FORMS_MAX * FORM_BYTES;
  input = align(rows + RECORDS_MAX * RECORD_BYTES);
  blanks = align(input + inputBytes + PADDING);
  blanksEnd = blanks + blankCount * 8;
  lines = align(blanksEnd);
  linesEnd = lines + linesBytes;
  grow(linesEnd + PADDING);
}

export function plainRowsAt(): usize {
  return rows;
}
export function plainInputAt(): usize {
  return input;
}
export function plainLinesAt(): usize {
  return lines;
}
export function plainLinesBytes(): usize {
  return out - lines;
}
export function plainBlanksAt(): usize {
  return blanks;
}
export function plainBlankCount(): usize {
  return (blank - blanks) / 8;
}
/** The kind of the record that had no form. Its length is 0 if the record isn't plain, or there was no room for its lines. */
export function plainKindAt(): usize {
  return kind;
}
export function plainKindLength(): usize {
  return kindLength;
}
/** Where a form is, or where the next one is to be written. */
export function formAt(index: usize): usize {
  return forms + index * FORM_BYTES;
}

/** Takes the form that was written after the last one. */
export function takeForm(): void {
  formCount++;
}

/**
 * Writes the lines of records until one has no form, or there is no more room.
 *
 * @param row the first record's row
 * @param rowsEnd the row after the last one
 * @param base what to add to a start in a row to get its place in the input
 * @param inputEnd the length of the input
 * @param number what to add to a row to get the record's number
 * @returns the row of the first record whose lines were not written
 */
export function writePlain(
  row: usize,
  rowsEnd: usize,
  base: isize,
  inputEnd: usize,
  isLines: bool,
  number: u32,
): usize {
  begin(input + inputEnd, isLines);
  out = lines;
  blank = blanks;
  for (; row < rowsEnd; row++) {
    const record = rows + row * RECORD_BYTES;
    if (load<u32>(record, 4) === 0 || !readPlain(input + load<u32>(record) + base)) {
      kindLength = 0;
      break;
    }
    const form = findForm();
    if (form === 0) break;
    if (!write(form, number + <u32>row)) {
      kindLength = 0;
      break;
    }
    count(form);
  }
  return row;
}

/** Reads a record that is valid JSON; false if it isn't plain. */
function readPlain(p: usize): bool {
  memberCount = 0;
  kindLength = 0;
  if (load<u8>(p) !== OPEN_BRACE) return false;
  for (p = firstMember(p); p !== 0 && !isClosed; p = nextMember(p)) {
    if (memberCount === MEMBERS_MAX || keyLength > KEY_MAX || load<u8>(p) !== QUOTE) return false;
    const text = ++p;
    p = plainEnd(text);
    if (p === 0) return false;
    const member = members + memberCount++ * MEMBER_BYTES;
    store<u32>(member, text);
    store<u32>(member, p - text, 4);
    store<u32>(member, charactersIn(text, p), 8);
    copy(keyAt, keyLength, kind + kindLength);
    kindLength += keyLength;
    store<u8>(kind + kindLength++, QUOTE);
    store<u8>(kind + kindLength++, p === text ? EMPTY : TEXT);
    p++;
  }
  return p !== 0;
}

/**
 * The closing quote of a string; 0 unless the string is empty or clearly has a text: after spaces, tabs and line feeds, a character that is
 * neither white space nor the start of JSON. No character of ASCII may be written as a number.
 */
function plainEnd(p: usize): usize {
  if (load<u8>(p) === QUOTE) return p;
  if (!isTextAt(afterSpaces(p))) return 0;
  p = skipUsual(p, <usize>-1);
  while (p !== 0 && load<u8>(p) === BACKSLASH) {
    if (load<u8>(p, 1) === SLASH) return 0;
    // `\u00`: the character has one byte, as ASCII has.
    if (load<u16>(p, 2) === 0x3030) return 0;
    p = skipUsual(p + 6, <usize>-1);
  }
  return p;
}

function afterSpaces(p: usize): usize {
  while (true) {
    const bytes = load<u16>(p);
    if (<u8>bytes === SPACE) p++;
    else if (bytes === LINE_FEED_ESCAPE || bytes === TAB_ESCAPE) p += 2;
    else return p;
  }
}

/**
 * True at a character that is neither white space nor a bracket, and doesn't end the string. False at a few others, too: those that share
 * their first bytes with white space.
 */
function isTextAt(p: usize): bool {
  const byte = load<u8>(p);
  const next = load<u8>(p, 1);
  switch (byte) {
    case BACKSLASH:
      return next === QUOTE || next === BACKSLASH || (next === LETTER_U && isTextPage(load<u16>(p, 2)));
    case QUOTE:
    case OPEN_BRACKET:
    case OPEN_BRACE:
      return false;
    // The first bytes of the white space that isn't ASCII: U+00A0, U+1680, U+2000 and others, U+3000, U+FEFF.
    case 0xc2:
      return next !== 0xa0;
    case 0xe1:
      return next !== 0x9a;
    case 0xe2:
      return next === 0x80 && (load<u8>(p, 2) & 0xf0) === 0x90;
    case 0xe3:
      return next !== 0x80;
    case 0xef:
      return next !== 0xbb;
    default:
      return byte > SPACE;
  }
}

/** False if `\u` and these two digits may begin white space, or a character of ASCII: `00`, `16`, `20`, `30`, `fe`. */
function isTextPage(digits: u16): bool {
  return (
    digits !== 0x3030 &&
    digits !== 0x3631 &&
    digits !== 0x3032 &&
    digits !== 0x3033 &&
    (digits | 0x2020) !== 0x6566
  );
}

/** The form for the record that was read last; 0 if it has no form, or if a template may have made a prompt. */
function findForm(): usize {
  let form = lastForm;
  if (form === 0 || !fits(form)) {
    const end = forms + formCount * FORM_BYTES;
    for (form = forms; form < end && !fits(form); ) form += FORM_BYTES;
    if (form === end) return 0;
    lastForm = form;
  }
  const prompts = load<u32>(form, 8);
  for (let i: usize = 0; i < memberCount; i++) {
    const member = members + i * MEMBER_BYTES;
    if (((prompts >> <u32>i) & 1) !== 0 && mayHaveMark(load<u32>(member), load<u32>(member, 4))) {
      kindLength = 0;
      return 0;
    }
  }
  return form;
}

function fits(form: usize): bool {
  return (
    load<u32>(form) === <u32>kindLength && memory.compare(form + FORM_HEAD_BYTES, kind, kindLength) === 0
  );
}

/** True if a text may have a mark of a chat template: `<|`, `<s`, `[/`, `##`, `Ass`, `ASS`. */
function mayHaveMark(p: usize, length: usize): bool {
  const end = p + length;
  for (; p < end; p += 16) {
    const bytes = v128.load(p);
    const angles = v128.or(
      i8x16.eq(bytes, i8x16.splat(LESS_THAN)),
      i8x16.eq(bytes, i8x16.splat(OPEN_BRACKET)),
    );
    const others = v128.or(
      i8x16.eq(bytes, i8x16.splat(NUMBER_SIGN)),
      i8x16.eq(bytes, i8x16.splat(CAPITAL_A)),
    );
    for (let mask = i8x16.bitmask(v128.or(angles, others)); mask !== 0; mask &= mask - 1) {
      const at = p + ctz(mask);
      if (at >= end) return false;
      const next = load<u8>(at, 1);
      switch (load<u8>(at)) {
        case LESS_THAN:
          if (next === BAR || next === LETTER_S) return true;
          break;
        case OPEN_BRACKET:
          if (next === SLASH) return true;
          break;
        case NUMBER_SIGN:
          if (next === NUMBER_SIGN) return true;
          break;
        default:
          if ((next | LOWER_BIT) === LETTER_S && (load<u8>(at, 2) | LOWER_BIT) === LETTER_S) return true;
      }
    }
  }
  return false;
}

/** Writes a record's lines; false if there is no room. */
function write(form: usize, number: u32): bool {
  let code = form + FORM_HEAD_BYTES + ((kindLength + 3) & ~3);
  const codeEnd = code + load<u32>(form, 4);
  const firstBlank = blank;
  let p = out;
  while (code < codeEnd) {
    const step = load<u32>(code);
    code += 4;
    if (step >= COPY) {
      const member = members + <usize>(step - COPY) * MEMBER_BYTES;
      const length = <usize>load<u32>(member, 4);
      if (p + length > linesEnd) return undo(firstBlank);
      p = copy(load<u32>(member), length, p);
    } else if (step === BLANK) {
      if (blank === blanksEnd || p + BLANK_BYTES > linesEnd) return undo(firstBlank);
      store<u32>(blank, p - lines);
      store<u32>(blank, number, 4);
      blank += 8;
      v128.store(p, i8x16.splat(0x20));
      p += BLANK_BYTES;
    } else {
      if (p + step > linesEnd) return undo(firstBlank);
      p = copy(code, step, p);
      code += (step + 3) & ~3;
    }
  }
  out = p;
  return true;
}

/** Counts a record that was written. */
function count(form: usize): void {
  store<u32>(form, load<u32>(form, 16) + 1, 16);
  let longest = load<u32>(form, 20);
  let characters = load<u64>(form, 24);
  let turn = form + FORM_HEAD_BYTES + ((kindLength + 3) & ~3) + load<u32>(form, 4);
  const end = turn + load<u32>(form, 12) * 8;
  for (; turn < end; turn += 8) {
    let length = load<u32>(turn);
    for (let mask = load<u32>(turn, 4); mask !== 0; mask &= mask - 1)
      length += load<u32>(members + <usize>ctz(mask) * MEMBER_BYTES, 8);
    characters += length;
    if (length > longest) longest = length;
  }
  store<u32>(form, longest, 20);
  store<u64>(form, characters, 24);
}

/** The length of a text as JavaScript counts it, given its spelling. */
function charactersIn(p: usize, end: usize): u32 {
  let count: u32 = 0;
  let escapesTo: usize = 0;
  for (; p < end; p += 16) {
    const bytes = v128.load(p);
    const mask = end - p < 16 ? (1 << (<i32>(end - p))) - 1 : 0xffff;
    // A character has one byte that continues no other. One of four bytes counts twice.
    const starts = i8x16.bitmask(i8x16.gt_s(bytes, i8x16.splat(-65))) & mask;
    const long = i8x16.bitmask(i8x16.ge_u(bytes, i8x16.splat(-16))) & mask;
    count += popcnt(starts) + popcnt(long);
    let escapes = i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(BACKSLASH))) & mask;
    for (; escapes !== 0; escapes &= escapes - 1) {
      const at = p + ctz(escapes);
      if (at < escapesTo) continue;
      const length: u32 = load<u8>(at, 1) === LETTER_U ? 6 : 2;
      escapesTo = at + length;
      count -= length - 1;
    }
  }
  return count;
}

function undo(firstBlank: usize): bool {
  blank = firstBlank;
  return false;
}

/** Copies bytes, and up to fifteen after them that don't count; returns the address after the copy. */
function copy(from: usize, length: usize, to: usize): usize {
  for (let i: usize = 0; i < length; i += 16) v128.store(to + i, v128.load(from + i));
  return to + length;
}

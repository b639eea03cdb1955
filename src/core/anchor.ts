/**
 * The anchor of a search: a piece of a term. Bytes of the file need not be read as JSON if nothing in them is spelled like
 * it. See `kernel/assembly/scanning.ts`.
 */

import { allFoldings, foldOf } from './folding.js';

/** A piece of a term, as bytes of the file. */
export interface Anchor {
  /** Its UTF-8; small letters if case doesn't matter. */
  readonly bytes: Uint8Array;
  /** For each byte the bit that makes a capital letter a small one, if case doesn't matter; else 0. */
  readonly bits: Uint8Array;
  /** The places of its two rarest bytes. */
  readonly rare: readonly [number, number];
  /** A bit for each code point below 2¹⁶ that would be a character of the anchor, if it was escaped, or folded. */
  readonly mattering: Uint8Array;
  /** True if characters beyond ASCII fold to some of the anchor. */
  readonly hasOthers: boolean;
}

const LENGTH_MAX = 64;
const MATTERING_BYTES = 8192;
const LOWER_BIT = 0x20;

/** Bytes of English texts and of JSON, the most frequent first. Others are rarer. */
const FREQUENT = ' etaoinsrhldcumfpgwybv,.TIk"-\'xjqzSAC0';

/** The best anchor among some terms; undefined if no term has one. @param ignoresCase true if case doesn't matter */
export function anchorOf(terms: readonly string[], ignoresCase: boolean): Anchor | undefined {
  let best = '';
  for (const term of terms) {
    const text = ignoresCase ? Array.from(term, foldOf).join('') : term;
    for (const piece of piecesOf(text, ignoresCase)) if (worthOf(piece) > worthOf(best)) best = piece;
  }
  return best === '' ? undefined : anchorFor(best, ignoresCase);
}

/** The longest pieces of a text whose characters are written in the file as they are, unless they are escaped. */
function piecesOf(text: string, ignoresCase: boolean): string[] {
  const pieces: string[] = [];
  let piece = '';
  for (const character of text) {
    if (isPlain(character) && (!ignoresCase || isCaseless(character))) piece += character;
    else {
      pieces.push(piece);
      piece = '';
    }
  }
  return [...pieces, piece].map((each) => each.slice(0, LENGTH_MAX));
}

/** False for characters that JSON escapes, for those that invalid bytes become, and for those of two UTF-16 units. */
function isPlain(character: string): boolean {
  return character.length === 1 && character >= ' ' && !/["\\/\ud800-\udfff\ufffd]/.test(character);
}

let targets: ReadonlySet<string> | undefined;

/** True for an ASCII character, and for another that nothing but itself folds to. */
function isCaseless(character: string): boolean {
  if (character < '\x80') return true;
  targets ??= new Set(allFoldings().flatMap(({ to }) => [...to]));
  return foldOf(character) === character && !targets.has(character);
}

/** Longer pieces are rarer, and so are those with rarer bytes. */
function worthOf(piece: string): number {
  const bytes = Buffer.from(piece);
  return bytes.reduce((sum, byte) => sum + Math.sqrt(rarityOf(byte)), 0);
}

function rarityOf(byte: number): number {
  const at = FREQUENT.indexOf(String.fromCharCode(byte));
  return (at < 0 ? FREQUENT.length : at) + 1;
}

function anchorFor(text: string, ignoresCase: boolean): Anchor {
  const bytes = Buffer.from(text);
  const bits = bytes.map((byte) => (ignoresCase && byte >= 0x61 && byte <= 0x7a ? LOWER_BIT : 0));
  const places = [...bytes.keys()].sort(
    (a, b) => rarityOf(bytes[b] as number) - rarityOf(bytes[a] as number) || a - b,
  );
  const [first = 0, second = first] = places;
  const mattering = new Uint8Array(MATTERING_BYTES);
  const add = (code: number) => {
    if (code < 0x1_0000) mattering[code >> 3] = (mattering[code >> 3] as number) | (1 << (code & 7));
  };
  let hasOthers = false;
  for (const character of text) {
    add(character.charCodeAt(0));
    if (ignoresCase && character < '\x80') add(character.toUpperCase().charCodeAt(0));
  }
  if (ignoresCase) {
    for (const { code, to } of allFoldings()) {
      if (![...to].some((character) => text.includes(character))) continue;
      add(code);
      hasOthers = true;
    }
  }
  return { bytes, bits: Uint8Array.from(bits), rare: [first, second], mattering, hasOthers };
}

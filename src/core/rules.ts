/** Rules that replace the volatile parts of prompts: dates, ids, numbers. */

import { normalizeSpace } from './keys.js';
import { RULED_GROWTH_MAX, RULED_LENGTH_FREE } from './limits.js';

/** Replaces each match of an expression. */
export interface Rule {
  /** The expression's source, and its flags. */
  readonly source: string;
  readonly flags: string;
  /** As `String.prototype.replace` takes it: `$1` is the first group. */
  readonly replacement: string;
}

/** A rule that can't be used. Its message says what was expected. */
export class RuleError extends Error {
  override readonly name = 'RuleError';
}

const MONTH = '(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\\.?';
const TIME = '\\d{1,2}:\\d{2}(?::\\d{2}(?:[.,]\\d{1,9})?)?';
const DATE = [
  `\\d{4}-\\d{2}-\\d{2}(?:[T ]${TIME}(?: ?Z|[+-]\\d{2}:?\\d{2})?)?`,
  '\\d{1,2}[/.]\\d{1,2}[/.]\\d{2,4}',
  `${MONTH} \\d{1,2}(?:st|nd|rd|th)?,? \\d{4}`,
  `\\d{1,2}(?:st|nd|rd|th|\\.)? ${MONTH},? \\d{4}`,
  `${TIME}(?: ?[ap]\\.?m\\b\\.?)?`,
].join('|');

/** The rules that have names. */
export const NAMED_RULES = {
  dates: { source: `\\b(?:${DATE})`, flags: 'i', replacement: '<date>' },
  uuids: {
    source: '\\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\\b',
    flags: 'i',
    replacement: '<uuid>',
  },
  numbers: { source: '\\d+(?:[.,]\\d+)*', flags: '', replacement: '<number>' },
} as const satisfies Record<string, Rule>;

/** The name of a rule. */
export type RuleName = keyof typeof NAMED_RULES;

/**
 * A rule as a line of a file has it: `/expression/replacement/flags`. A slash in the first two is written as `\/`.
 *
 * @throws RuleError
 */
export function parseRule(line: string): Rule {
  const found = /^\/((?:[^\\/]|\\.)+)\/((?:[^\\/]|\\.)*)\/([a-z]*)$/s.exec(line);
  if (found === null) throw new RuleError('expected /expression/replacement/flags');
  const [, source = '', replacement = '', flags = ''] = found;
  const rule = { source, flags, replacement: replacement.replaceAll('\\/', '/') };
  try {
    expressionOf(rule);
  } catch (error) {
    throw new RuleError((error as Error).message);
  }
  return rule;
}

function expressionOf({ source, flags }: Rule): RegExp {
  return new RegExp(source, flags.includes('g') ? flags : `${flags}g`);
}

/**
 * Applies rules to a text, one after the other, and normalizes its white space. Undefined for a text that they would make longer than
 * `RULED_GROWTH_MAX` allows.
 */
export function normalizerOf(rules: readonly Rule[]): (text: string) => string | undefined {
  const replacers = rules.map(replacerOf);
  return (text) => {
    const lengthMax = Math.max(RULED_LENGTH_FREE, RULED_GROWTH_MAX * text.length);
    let last: string | undefined = text;
    for (const replace of replacers) {
      last = replace(last, lengthMax);
      if (last === undefined) return undefined;
    }
    return normalizeSpace(last);
  };
}

/** Replaces the matches in a text; undefined if the result is too long. */
type Replacer = (text: string, lengthMax: number) => string | undefined;

function replacerOf(rule: Rule): Replacer {
  const expression = expressionOf(rule);
  const { replacement } = rule;
  const parts = partsOf(rule);
  const isPlain = !replacement.includes('$');
  return (text, lengthMax) => {
    // V8 replaces faster, but it may end the process where the result is too long for it.
    const isBounded = isPlain && (text.length + 1) * (replacement.length + 1) <= lengthMax;
    return isBounded ? text.replace(expression, replacement) : replaced(text, expression, parts, lengthMax);
  };
}

/** Replaces match by match. */
function replaced(
  text: string,
  expression: RegExp,
  parts: readonly Part[],
  lengthMax: number,
): string | undefined {
  const chunks: string[] = [];
  let pieces: string[] = [];
  let length = 0;
  let end = 0;
  const add = (piece: string) => {
    length += piece.length;
    if (piece !== '') pieces.push(piece);
  };
  for (const found of text.matchAll(expression)) {
    add(text.slice(end, found.index));
    end = found.index + found[0].length;
    for (const part of parts) add(typeof part === 'string' ? part : part(found));
    if (length > lengthMax) return undefined;
    if (pieces.length < PIECES_JOINED) continue;
    chunks.push(pieces.join(''));
    pieces = [];
  }
  add(text.slice(end));
  return length > lengthMax ? undefined : [...chunks, ...pieces].join('');
}

/** Pieces of a result that are joined at once: each takes more memory than its characters. */
const PIECES_JOINED = 4096;

/** A text of a replacement, or what a reference such as `$1` means for a match. */
type Part = string | ((found: RegExpExecArray) => string);

/** The parts of a replacement, as `String.prototype.replace` reads it. */
function partsOf({ source, flags, replacement }: Rule): readonly Part[] {
  // An alternative that is empty matches, with all groups.
  const { length, groups } = new RegExp(`${source}|`, flags).exec('') as RegExpExecArray;
  const parts: Part[] = [];
  let end = 0;
  for (const { 0: whole, 1: sign, 2: digits, 3: name, index } of replacement.matchAll(REFERENCE)) {
    parts.push(replacement.slice(end, index));
    end = index + whole.length;
    if (sign !== undefined) parts.push(sign === '$' ? '$' : ofMatch[sign as keyof typeof ofMatch]);
    else if (digits !== undefined) {
      // Two digits are a group if there are as many; else the first is, and the second is a text.
      const used = [digits, digits.slice(0, 1)].find((each) => Number(each) > 0 && Number(each) < length);
      if (used === undefined) parts.push(whole);
      else parts.push((found) => found[Number(used)] ?? '', digits.slice(used.length));
    } else if (groups === undefined) parts.push(whole);
    else parts.push((found) => found.groups?.[name as string] ?? '');
  }
  return [...parts, replacement.slice(end)];
}

const REFERENCE = /\$(?:([$&`'])|(\d{1,2})|<([^>]*)>)/g;

const ofMatch = {
  '&': (found: RegExpExecArray) => found[0],
  '`': (found: RegExpExecArray) => found.input.slice(0, found.index),
  "'": (found: RegExpExecArray) => found.input.slice(found.index + found[0].length),
} as const;

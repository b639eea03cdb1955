/** Rules that replace the volatile parts of prompts: dates, ids, numbers. */

import { normalizeSpace } from './keys.js';

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

/** Applies rules to a text, one after the other, and normalizes its white space. */
export function normalizerOf(rules: readonly Rule[]): (text: string) => string {
  const compiled = rules.map((rule) => ({ expression: expressionOf(rule), replacement: rule.replacement }));
  return (text) =>
    normalizeSpace(
      compiled.reduce((last, { expression, replacement }) => last.replace(expression, replacement), text),
    );
}

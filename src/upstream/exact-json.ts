/** JSON of which each value has one spelling. */

import { isObject } from '../core/objects.js';

/** Strings and numbers of JSON. A string with a quote at its end is matched in linear time. */
const STRING_OR_NUMBER = /"((?:[^"\\]+|\\.)*)"|-?\d[\d.eE+-]*/g;

/**
 * Parses JSON without losing digits: a number is a text that begins with `n`, and has all its digits; a string, or a key, begins with `s`.
 * Numbers with the same value have the same text.
 *
 * @throws SyntaxError if it isn't JSON
 */
export function exactly(json: string): unknown {
  JSON.parse(json);
  const spelled = json.replace(STRING_OR_NUMBER, (token, text: string | undefined) =>
    text === undefined ? `"n${digitsOf(token)}"` : `"s${text}"`,
  );
  return JSON.parse(spelled);
}

/** A number's sign, its digits without zeros around them, and its exponent. */
function digitsOf(number: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE](.+))?$/.exec(number) ?? [];
  const digits = whole + fraction;
  let start = 0;
  while (digits[start] === '0') start++;
  if (start === digits.length) return '0';
  let end = digits.length;
  while (digits[end - 1] === '0') end--;
  const power = Number(exponent) + digits.length - end - fraction.length;
  return Number.isSafeInteger(power) ? `${sign}${digits.slice(start, end)}e${power}` : number;
}

/** True if `JSON.parse` has kept all digits of the integers in a value. */
export function isExact(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isInteger(value) || Number.isSafeInteger(value);
  return typeof value !== 'object' || value === null || Object.values(value).every(isExact);
}

/** The value with the keys of all its objects in order. */
export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key])]));
}

/**
 * Checks of a request's fields, by hand: each stops at the first thing that is wrong and throws what OpenAI would answer,
 * with the field's path (`messages[0].role`). A path of `''` is the body itself.
 */

import { AppError } from '../core/errors.js';

/** A JSON object of which nothing else is known. */
export type Fields = Readonly<Record<string, unknown>>;

/** An object, of any fields. */
export function asObject(value: unknown, path: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrongType(value, path, 'an object');
  return value as Fields;
}

/** An array of `min` elements at least and `max` at most. */
export function asArray(value: unknown, path: string, max: number, min: 0 | 1 = 1): readonly unknown[] {
  if (!Array.isArray(value)) throw wrongType(value, path, 'an array');
  if (value.length >= min && value.length <= max) return value;
  const [code, problem, bound] =
    value.length === 0
      ? (['empty_array', 'empty array', 'minimum length 1'] as const)
      : (['array_above_max_length', 'array too long', `maximum length ${max}`] as const);
  const got = value.length === 0 ? 'an empty array' : `an array with length ${value.length}`;
  const message = `Invalid '${path}': ${problem}. Expected an array with ${bound}, but got ${got} instead.`;
  throw new AppError(code, { param: path, message });
}

/** A string. */
export function asString(value: unknown, path: string): string {
  if (typeof value !== 'string') throw wrongType(value, path, 'a string');
  return value;
}

/** A string; a missing one and null are undefined. */
export function asOptionalString(value: unknown, path: string): string | undefined {
  return value === undefined || value === null ? undefined : asString(value, path);
}

/** A boolean; a missing one and null are false. */
export function asFlag(value: unknown, path: string): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value !== 'boolean') throw wrongType(value, path, 'a boolean');
  return value;
}

/** An integer from `min` to `max`; a missing one and null are the default. */
export function asInteger(
  value: unknown,
  path: string,
  { min, max, byDefault }: { min: number; max: number; byDefault: number },
): number {
  if (value === undefined || value === null) return byDefault;
  if (typeof value !== 'number' || !Number.isInteger(value)) throw wrongType(value, path, 'an integer');
  if (value >= min && value <= max) return value;
  const [code, problem, bound] =
    value < min
      ? (['integer_below_min_value', 'integer below minimum value', `>= ${min}`] as const)
      : (['integer_above_max_value', 'integer above maximum value', `<= ${max}`] as const);
  const message = `Invalid '${path}': ${problem}. Expected a value ${bound}, but got ${value} instead.`;
  throw new AppError(code, { param: path, message });
}

/** One of a list of strings. */
export function asOneOf<T extends string>(value: unknown, path: string, choices: readonly T[]): T {
  const text = asString(value, path);
  const choice = choices.find((each) => each === text);
  if (choice !== undefined) return choice;
  const supported = choices.map((each) => `'${each}'`).join(', ');
  const message = `Invalid value: '${shortened(text)}'. Supported values are: ${supported}.`;
  throw new AppError('invalid_value', { param: path, message });
}

/** The error for a value that is missing, or of another type than expected. */
export function wrongType(value: unknown, path: string, expected: string): AppError {
  if (value === undefined && path !== '') {
    const message = `Missing required parameter: '${path}'.`;
    return new AppError('missing_required_parameter', { param: path, message });
  }
  const field = path === '' ? 'the request body' : `'${path}'`;
  const message = `Invalid type for ${field}: expected ${expected}, but got ${typeName(value)} instead.`;
  return new AppError('invalid_type', { message, ...(path !== '' && { param: path }) });
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a decimal';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Part of a value for a message, whatever was sent. */
function shortened(text: string): string {
  const MAX = 40;
  return text.length > MAX ? `${text.slice(0, MAX)}…` : text;
}

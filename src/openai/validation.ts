/** From a schema's verdict to the error that OpenAI would give, which names the field and says what was expected. */

import type { z } from 'zod';
import { AppError, type ErrorCode } from '../core/errors.js';

type Issue = z.core.$ZodIssue;

/**
 * Checks a request body.
 *
 * @returns the body, with its type
 * @throws AppError for the first field that is wrong
 */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body, { reportInput: true });
  if (result.success) return result.data;
  throw errorOf(deepest(result.error.issues));
}

/** Where a value may be one of several things, the complaint that got furthest into it is the helpful one. */
function deepest(issues: readonly Issue[]): Issue {
  const [first] = issues;
  if (first === undefined) throw new Error('a failed check without an issue');
  if (first.code !== 'invalid_union') return first;
  const inner = first.errors
    .filter((branch) => branch.length > 0)
    .map(deepest)
    .filter(({ path }) => path.length > 0)
    .sort((a, b) => b.path.length - a.path.length)[0];
  return inner === undefined ? first : { ...inner, path: [...first.path, ...inner.path] };
}

function errorOf(issue: Issue): AppError {
  const param = nameOf(issue.path);
  const [code, message] = describe(issue, param);
  return new AppError(code, { message, ...(param !== '' && { param }) });
}

function describe(issue: Issue, param: string): [ErrorCode, string] {
  const field = param === '' ? 'the request body' : `'${param}'`;
  if (param !== '' && issue.input === undefined) {
    return ['missing_required_parameter', `Missing required parameter: ${field}.`];
  }
  switch (issue.code) {
    case 'invalid_type':
      return ['invalid_type', invalidType(field, withArticle(issue.expected), issue.input)];
    case 'invalid_union':
      return ['invalid_type', invalidType(field, unionNames(issue), issue.input)];
    case 'invalid_value': {
      const supported = issue.values.map((value) => `'${String(value)}'`).join(', ');
      return ['invalid_value', `Invalid value: ${quote(issue.input)}. Supported values are: ${supported}.`];
    }
    case 'too_small':
      return [
        'empty_array',
        `Invalid ${field}: empty array. Expected an array with minimum length ${issue.minimum}, but got an empty array instead.`,
      ];
    case 'too_big':
      return [
        'array_above_max_length',
        `Invalid ${field}: array too long. Expected an array with maximum length ${issue.maximum}, but got a longer one instead.`,
      ];
    default:
      return ['invalid_value', `Invalid value for ${field}: ${issue.message}.`];
  }
}

function invalidType(field: string, expected: string, input: unknown): string {
  return `Invalid type for ${field}: expected ${expected}, but got ${withArticle(typeName(input))} instead.`;
}

function unionNames(issue: Extract<Issue, { code: 'invalid_union' }>): string {
  const names = issue.errors
    .flat()
    .flatMap((inner) => (inner.code === 'invalid_type' ? [inner.expected] : []));
  return `one of ${[...new Set(names)].map(withArticle).join(' or ')}`;
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'decimal';
  return typeof value;
}

function withArticle(name: string): string {
  if (name === 'null') return name;
  return /^[aeiou]/.test(name) ? `an ${name}` : `a ${name}`;
}

/** A value for a message: short, whatever was sent. */
function quote(value: unknown): string {
  const text = String(value);
  return text.length > 40 ? `'${text.slice(0, 40)}…'` : `'${text}'`;
}

/** `['messages', 0, 'role']` as `messages[0].role`. */
function nameOf(path: readonly PropertyKey[]): string {
  return path
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key)}`))
    .join('');
}

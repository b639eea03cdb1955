/**
 * Validates a request's body with the code that Ajv generates from its schema at build time. It stops at the first error, and throws the
 * error that OpenAI would return, with the field's path (`messages[0].role`).
 */

import { AppError } from './errors.js';

/** The validator that Ajv generates from a schema. */
export interface Check<T> {
  (body: unknown): body is T;
  /** The errors of the last body; the first one is reported. */
  errors?: Violation[] | null;
}

/** An error of such a validator. */
interface Violation {
  /** The keyword of the schema that the value violates. */
  readonly keyword: string;
  readonly params: Fields;
  /** The value. */
  readonly data?: unknown;
  /** Where the value is, as a JSON pointer. */
  readonly instancePath: string;
  readonly parentSchema?: Fields;
  /** The name of a member, if the name violates the schema. */
  readonly propertyName?: string;
}

// biome-ignore lint/suspicious/noExplicitAny: the keyword decides which fields there are.
type Fields = Readonly<Record<string, any>>;

/**
 * The body, typed by its schema.
 *
 * @param body the parsed JSON; undefined if there is no body, which counts as an object without fields
 * @param at the path of the field that it is the value of, if it isn't the whole body
 * @throws AppError that names the first field that is missing or invalid
 */
export function checked<T>(check: Check<T>, body: unknown = {}, at = ''): T {
  if (check(body)) return body;
  const [error] = check.errors ?? [];
  throw error === undefined ? new AppError('bad_request') : explained(error, body, at);
}

function explained(error: Violation, body: unknown, at: string): AppError {
  const { keyword, params, data, instancePath, parentSchema, propertyName } = error;
  const path = pathOf(instancePath, body, at);
  switch (keyword) {
    case 'required':
      return missing(join(path, params.missingProperty));
    case 'additionalProperties': {
      const field = join(path, params.additionalProperty);
      const message = `Unknown parameter: '${field}'.`;
      return new AppError('unknown_parameter', { param: field, message });
    }
    case 'minItems':
      return outOfBounds(
        'empty_array',
        path,
        'empty array',
        'an array with minimum length 1',
        'an empty array',
      );
    case 'maxItems': {
      const bound = `an array with maximum length ${params.limit}`;
      const got = `an array with length ${(data as unknown[]).length}`;
      return outOfBounds('array_above_max_length', path, 'array too long', bound, got);
    }
    case 'maxProperties': {
      const bound = `an object with at most ${params.limit} properties`;
      const got = `an object with ${Object.keys(data as object).length} properties`;
      return outOfBounds('object_above_max_properties', path, 'too many properties', bound, got);
    }
    case 'maxLength': {
      if (propertyName !== undefined) return longName(path, propertyName, params.limit);
      const bound = `a string with maximum length ${params.limit}`;
      const got = `a string with length ${(data as string).length}`;
      return outOfBounds('string_above_max_length', path, 'string too long', bound, got);
    }
    case 'minimum':
    case 'maximum':
      return beyond(error, path);
    case 'discriminator':
      return tagged(error, path);
    case 'enum':
      return unsupported('invalid_value', path, data, params.allowedValues);
    case 'const':
      return unsupported('unsupported_value', path, data, [params.allowedValue]);
    case 'not':
      return data === ''
        ? outOfBounds('empty_string', path, 'empty string', 'a string', 'an empty string')
        : refused(path, data);
    default: {
      const { items } = parentSchema ?? {};
      // A schema that is referenced by name is an object.
      const ofItems = items?.$ref === undefined ? items?.type : 'object';
      return wrongType(data, path, [params.type ?? 'object'].flat(), ofItems);
    }
  }
}

function missing(path: string): AppError {
  const message = `Missing required parameter: '${path}'.`;
  return new AppError('missing_required_parameter', { param: path, message });
}

/** A number that is too small or too large. */
function beyond({ keyword, params, data, parentSchema }: Violation, path: string): AppError {
  const kind = [parentSchema?.type].flat().includes('integer') ? 'integer' : 'decimal';
  const [side, word] =
    keyword === 'minimum'
      ? (['below_min', 'below minimum'] as const)
      : (['above_max', 'above maximum'] as const);
  const bound = `a value ${params.comparison} ${params.limit}`;
  return outOfBounds(`${kind}_${side}_value`, path, `${kind} ${word} value`, bound, String(data));
}

function outOfBounds(
  code: ConstructorParameters<typeof AppError>[0],
  path: string,
  problem: string,
  bound: string,
  got: string,
): AppError {
  const message = `Invalid '${path}': ${problem}. Expected ${bound}, but got ${got} instead.`;
  return new AppError(code, { param: path, message });
}

function longName(path: string, name: string, limit: number): AppError {
  const message = `Invalid property name in '${path}': '${shortened(name)}' is too long. Expected a string with maximum length ${limit}, but got a string with length ${name.length} instead.`;
  return new AppError('property_name_above_max_length', { param: path, message });
}

/** The discriminator, the field that selects one of several schemas, isn't a string or has an unknown value. */
function tagged({ params, parentSchema }: Violation, path: string): AppError {
  const field = join(path, params.tag);
  if (params.error === 'tag') return wrongType(params.tagValue, field, ['string']);
  const supported = parentSchema?.oneOf.flatMap(
    ({ properties }: { properties: Record<string, { enum: string[] }> }) => properties[params.tag]?.enum,
  );
  return unsupported('invalid_value', field, params.tagValue, supported);
}

function unsupported(
  code: 'invalid_value' | 'unsupported_value',
  path: string,
  value: unknown,
  supported: readonly unknown[],
): AppError {
  const type = typeof supported[0];
  if (typeof value !== type) return wrongType(value, path, [type]);
  const list = supported.map((each) => `'${each}'`).join(', ');
  const what = code === 'invalid_value' ? 'Invalid' : 'Unsupported';
  const message = `${what} value: '${shortened(String(value))}'. Supported values are: ${list}.`;
  return new AppError(code, { param: path, message });
}

/** A value, or a type of value, that OpenAI supports and verbatim doesn't. */
function refused(path: string, value: unknown): AppError {
  const what = typeof value === 'boolean' ? String(value) : typeName(value);
  const message = `Unsupported value: '${path}' does not support ${what} here. Leave it out.`;
  return new AppError('unsupported_value', { param: path, message });
}

/**
 * The error for a value that has the wrong type. The message never lists null as expected: omitting the field is simpler.
 *
 * @param items the type of an array's elements, if an array is expected and its elements have a type
 */
function wrongType(value: unknown, path: string, types: readonly string[], items?: string): AppError {
  const array = items === undefined ? 'an array' : `an array of ${items}s`;
  const names = types
    .filter((type) => type !== 'null')
    .map((type) => (type === 'array' ? array : (TYPE_NAMES[type] ?? type)));
  const expected = names.length > 1 ? `one of ${names.join(' or ')}` : names[0];
  const field = path === '' ? 'the request body' : `'${path}'`;
  const message = `Invalid type for ${field}: expected ${expected}, but got ${typeName(value)} instead.`;
  return new AppError('invalid_type', { message, ...(path !== '' && { param: path }) });
}

/** The types of JSON Schema, in OpenAI's words. */
const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'a string',
  array: 'an array',
  object: 'an object',
  boolean: 'a boolean',
  integer: 'an integer',
  number: 'a decimal',
};

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a decimal';
  return TYPE_NAMES[typeof value] ?? typeof value;
}

/** Converts a JSON pointer to OpenAI's notation: `/messages/0/role` is `messages[0].role`. A field's name may be a number, too. */
function pathOf(pointer: string, body: unknown, at: string): string {
  let path = at;
  let value = body;
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    path = Array.isArray(value) ? `${path}[${name}]` : join(path, name);
    value = (value as Record<string, unknown>)[name];
  }
  return path;
}

function join(path: string, name: string): string {
  return path === '' ? shortened(name) : `${path}.${shortened(name)}`;
}

/** Truncates a text for a message, since a client may send any text. */
function shortened(text: string): string {
  const MAX = 40;
  return text.length > MAX ? `${text.slice(0, MAX)}…` : text;
}

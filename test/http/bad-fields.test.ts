/** Every field of the requests, with values of every other type and values out of bounds. The cases are derived from the schemas. */

import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { byteCount } from '#dist/core/bytes.js';
import { chatSchema } from '#dist/openai/schemas/chat.js';
import { completionSchema } from '#dist/openai/schemas/completion.js';
import { responsesSchema } from '#dist/openai/schemas/responses.js';
import { detokenizeSchema, tokenizeSchema } from '#dist/openai/schemas/tokens.js';
import { post, serveApp } from '../support/app.js';

const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));

/** Maximum characters of a text, and of an echoed text. */
const TEXT_MAX = 10_485_760;
const ECHOED_MAX = 1_048_576;

let base: string;
beforeAll(async () => {
  // The longest texts that a request may have exceed the body limit of other tests.
  base = await serveApp(dataset, { bodyLimit: byteCount(32_000_000) });
});

/** The schema keywords in use. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxLength?: number;
  readonly maxProperties?: number;
  readonly propertyNames?: { readonly maxLength: number };
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly (string | null)[];
  readonly const?: string | boolean;
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly dependentSchemas?: Readonly<Record<string, Schema>>;
  readonly not?: { readonly const?: boolean | string; readonly type?: 'object' };
  readonly if?: Schema;
  readonly then?: Schema;
}

/** A body with one error, and the expected error of the response. */
interface Case {
  readonly param: string;
  readonly code: string;
  readonly body: unknown;
}

/** A value of each type. */
const SAMPLES = { null: null, boolean: true, integer: 5, number: 1.5, string: 'x', array: [], object: {} };

/**
 * Every way in which a value can be invalid.
 *
 * @param param its path
 * @param wrap makes a body, otherwise valid, with the value
 */
function* casesOf(schema: Schema, param: string, wrap: (value: unknown) => unknown): Generator<Case, void> {
  const wrong = (code: string, value: unknown): Case => ({ param, code, body: wrap(value) });
  const { items, minItems, maxItems, maxLength, minimum, maximum, additionalProperties } = schema;
  const { maxProperties, propertyNames } = schema;
  for (const [type, sample] of Object.entries(SAMPLES)) {
    if (!typesOf(schema).includes(type)) yield wrong('invalid_type', sample);
  }
  const words = schema.enum ?? schema.then?.enum;
  if (words !== undefined) yield wrong('invalid_value', 'unheard-of');
  if (schema.const !== undefined)
    yield wrong('unsupported_value', typeof schema.const === 'boolean' ? !schema.const : 'unheard-of');
  if (schema.not !== undefined)
    yield wrong(
      schema.not.const === '' ? 'empty_string' : 'unsupported_value',
      schema.not.const ?? SAMPLES[schema.not.type ?? 'object'],
    );
  const kind = typesOf(schema).includes('number') ? 'decimal' : 'integer';
  if (minimum !== undefined) yield wrong(`${kind}_below_min_value`, minimum - 1);
  if (maximum !== undefined) yield wrong(`${kind}_above_max_value`, maximum + 1);

  // Sending ten megabytes of text for each field would take a minute: a test below covers some.
  if (maxLength !== undefined && maxLength < TEXT_MAX)
    yield wrong('string_above_max_length', 'x'.repeat(maxLength + 1));
  if (maxProperties !== undefined) yield wrong('object_above_max_properties', pairs(maxProperties + 1));
  if (propertyNames !== undefined)
    yield wrong('property_name_above_max_length', { ['x'.repeat(propertyNames.maxLength + 1)]: 'x' });
  if (items !== undefined) {
    if (minItems !== undefined) yield wrong('empty_array', []);
    if (maxItems !== undefined)
      yield wrong('array_above_max_length', Array(maxItems + 1).fill(exampleOf(items)));
    yield* casesOf(items, `${param}[0]`, (value) => wrap([value]));
    yield* casesOf(items, `${param}[1]`, (value) => wrap([exampleOf(items), value]));
  }
  if (additionalProperties !== undefined)
    yield* casesOf(additionalProperties, `${param}.any`, (value) => wrap({ any: value }));
  yield* casesOfFields(schema, param, objectOf(schema), wrap);
  for (const { known, rest } of branchesOf(schema))
    yield* casesOfFields(rest, param, { ...known, ...objectOf(rest) }, wrap);
}

/** An object with this number of properties. */
const pairs = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 'v']));

/** @param example a valid object */
function* casesOfFields(
  schema: Schema,
  param: string,
  example: Readonly<Record<string, unknown>>,
  wrap: (value: unknown) => unknown,
): Generator<Case, void> {
  const path = (name: string) => (param === '' ? name : `${param}.${name}`);
  for (const name of [...(schema.required ?? []), ...(schema.anyOf?.[0]?.required ?? [])]) {
    const { [name]: _, ...rest } = example;
    yield { param: path(name), code: 'missing_required_parameter', body: wrap(rest) };
  }
  for (const [name, field] of Object.entries(schema.properties ?? {}))
    yield* casesOf(field, path(name), (value) => wrap({ ...example, [name]: value }));
}

/** The types that a schema allows. An integer is a number, too. */
function typesOf({ type, enum: words, const: word }: Schema): readonly string[] {
  const types = type === undefined && (words ?? word) !== undefined ? ['string'] : [type ?? []].flat();
  return types.includes('number') ? [...types, 'integer'] : types;
}

/** The minimal value that a schema accepts. */
function exampleOf(schema: Schema): unknown {
  const word = schema.const ?? schema.enum?.[0];
  if (word !== undefined) return word;
  const types = typesOf(schema);
  if (types.includes('string')) return 'x';
  if (types.includes('integer')) return schema.minimum ?? 1;
  if (types.includes('boolean')) return true;
  return types.includes('array') ? [exampleOf(schema.items ?? {})] : objectOf(schema);
}

function objectOf(schema: Schema): Record<string, unknown> {
  const own = neededOf(schema);
  const [branch] = branchesOf(schema);
  return branch === undefined ? own : { ...own, ...branch.known, ...objectOf(branch.rest) };
}

/** The required fields of an object; if one of several sets is required, the first. */
function neededOf({ required = [], anyOf: [first] = [], properties = {} }: Schema): Record<string, unknown> {
  const names = [...required, ...(first?.required ?? [])];
  return Object.fromEntries(names.map((name) => [name, exampleOf(properties[name] ?? {})]));
}

/** One alternative of an object: the fields that identify it, and the schema that then applies. */
interface Branch {
  readonly known: Readonly<Record<string, unknown>>;
  readonly rest: Schema;
}

/** The alternatives of an object, by the field that identifies them. That field is required, or a condition tests it. */
function branchesOf(schema: Schema): Branch[] {
  const { oneOf = [], allOf = [], dependentSchemas = {}, required = [] } = schema;
  const tagged = oneOf.map((branch) => ({
    known: {},
    rest: { ...branch, required: [...required, ...(branch.required ?? [])] },
  }));
  const conditional = [...allOf, ...Object.values(dependentSchemas), schema].flatMap(
    ({ if: condition, then }) => {
      if (condition === undefined || then?.required === undefined) return [];
      const asked = then.required.map((name) => [name, schema.properties?.[name] ?? {}]);
      const rest = { required: then.required, properties: then.properties ?? Object.fromEntries(asked) };
      return [{ known: { ...neededOf(schema), ...objectOf(condition) }, rest }];
    },
  );
  return [...tagged, ...conditional];
}

describe.each([
  ['/v1/chat/completions', chatSchema],
  ['/v1/completions', completionSchema],
  ['/v1/responses', responsesSchema],
  ['/tokenize', tokenizeSchema],
  ['/detokenize', detokenizeSchema],
] as [string, Schema][])('%s', (path, schema) => {
  const cases = [...casesOf(schema, '', (body) => body)].filter(({ param }) => param !== '');
  const params = [...new Set(cases.map(({ param }) => param))];

  it.each(params)('%s', async (param) => {
    for (const { code, body } of cases.filter((each) => each.param === param))
      await expectRefused(await post(base + path, body), code, param);
  });

  it('has a case for each of its fields', () => {
    expect(params).toEqual(expect.arrayContaining(Object.keys(schema.properties ?? {})));
  });
});

/** Valid bodies for both completions endpoints, and for responses. */
const GOOD = { messages: [{ role: 'user', content: 'Say it.' }], prompt: 'Say it.' };
const GOOD_INPUT = { input: 'Say it.' };
const goodFor = (path: string) => (path === '/v1/responses' ? GOOD_INPUT : GOOD);
const said = (content: unknown) => ({ messages: [{ role: 'user', content }] });
const GOOD_LOGPROBS = { ...GOOD, logprobs: true };

/** As in OpenAI's description. */
const BOUNDS: readonly [string, string, 'integer' | 'decimal', number, number | undefined][] = [
  ['/v1/chat/completions', 'temperature', 'decimal', 0, 2],
  ['/v1/chat/completions', 'top_p', 'decimal', 0, 1],
  ['/v1/chat/completions', 'frequency_penalty', 'decimal', -2, 2],
  ['/v1/chat/completions', 'presence_penalty', 'decimal', -2, 2],
  ['/v1/chat/completions', 'logit_bias.50256', 'decimal', -100, 100],
  ['/v1/chat/completions', 'top_logprobs', 'integer', 0, 20],
  ['/v1/completions', 'logprobs', 'integer', 0, 5],
  ['/v1/chat/completions', 'n', 'integer', 1, 128],
  ['/v1/chat/completions', 'max_tokens', 'integer', -1, undefined],
  ['/v1/chat/completions', 'max_completion_tokens', 'integer', -1, undefined],
  ['/v1/completions', 'temperature', 'decimal', 0, 2],
  ['/v1/completions', 'top_p', 'decimal', 0, 1],
  ['/v1/completions', 'frequency_penalty', 'decimal', -2, 2],
  ['/v1/completions', 'presence_penalty', 'decimal', -2, 2],
  ['/v1/completions', 'logit_bias.50256', 'decimal', -100, 100],
  ['/v1/completions', 'best_of', 'integer', 0, 20],
  ['/v1/completions', 'n', 'integer', 1, 128],
  ['/v1/completions', 'max_tokens', 'integer', -1, undefined],
  ['/v1/responses', 'temperature', 'decimal', 0, 2],
  ['/v1/responses', 'top_p', 'decimal', 0, 1],
  ['/v1/responses', 'top_logprobs', 'integer', 0, 20],
  ['/v1/responses', 'max_output_tokens', 'integer', 1, undefined],
  ['/v1/responses', 'max_tool_calls', 'integer', 0, undefined],
];

describe('a bound', () => {
  it.each(BOUNDS)('of %s: %s', async (path, param, kind, least, most) => {
    const [name = '', key] = param.split('.');
    const good = param === 'top_logprobs' && path !== '/v1/responses' ? GOOD_LOGPROBS : goodFor(path);
    const ask = (value: number) =>
      post(base + path, { ...good, [name]: key === undefined ? value : { [key]: value } });
    const step = kind === 'integer' ? 1 : 0.001;
    expect((await ask(least)).status).toBe(200);
    await expectRefused(await ask(least - step), `${kind}_below_min_value`, param);
    if (most === undefined) return;
    expect((await ask(most)).status).toBe(200);
    await expectRefused(await ask(most + step), `${kind}_above_max_value`, param);
  });
});

/** Values too long by one character or one pair, and their fields. */
const LENGTHS: readonly [string, string, number, (length: number) => object][] = [
  ['/v1/chat/completions', 'messages[0].content', TEXT_MAX, (n) => said('x'.repeat(n))],
  [
    '/v1/chat/completions',
    'messages[0].content[0].text',
    TEXT_MAX,
    (n) => said([{ type: 'text', text: 'x'.repeat(n) }]),
  ],
  ['/v1/completions', 'prompt', TEXT_MAX, (n) => ({ prompt: 'x'.repeat(n) })],
  ['/v1/completions', 'prompt[1]', TEXT_MAX, (n) => ({ prompt: ['x', 'x'.repeat(n)] })],
  ['/v1/completions', 'prompt', ECHOED_MAX, (n) => ({ prompt: 'x'.repeat(n), echo: true })],
  ['/v1/completions', 'prompt', ECHOED_MAX, (n) => ({ prompt: ['x', 'x'.repeat(n - 1)], echo: true })],
  ['/v1/responses', 'input', TEXT_MAX, (n) => ({ input: 'x'.repeat(n) })],
  ['/v1/responses', 'input[0].content', TEXT_MAX, (n) => ({ input: said('x'.repeat(n)).messages })],
  ['/v1/responses', 'instructions', ECHOED_MAX, (n) => ({ ...GOOD_INPUT, instructions: 'x'.repeat(n) })],
  ...[
    ['model', 256],
    ['user', 512],
    ['safety_identifier', 512],
    ['prompt_cache_key', 512],
  ].flatMap(([name, max]) =>
    ['/v1/chat/completions', '/v1/responses'].map((path): (typeof LENGTHS)[number] => [
      path,
      name as string,
      max as number,
      (n) => ({ ...goodFor(path), [name as string]: 'x'.repeat(n) }),
    ]),
  ),
  ['/v1/responses', 'metadata.k', 512, (n) => ({ ...GOOD_INPUT, metadata: { k: 'x'.repeat(n) } })],
];

describe('a text', () => {
  it.each(LENGTHS)('of %s: %s has at most %i characters', async (path, param, most, bodyOf) => {
    const longest = await post(base + path, bodyOf(most));
    expect([200, 404]).toContain(longest.status);
    await longest.arrayBuffer();
    const message = await expectRefused(
      await post(base + path, bodyOf(most + 1)),
      'string_above_max_length',
      param,
    );
    expect(message).toContain(String(most));
  });

  it.each([
    ['/v1/chat/completions', 'messages'],
    ['/v1/responses', 'input'],
  ])('of %s may have as many characters in all parts of a message together', async (path, param) => {
    const type = param === 'input' ? 'input_text' : 'text';
    const parts = (...lengths: number[]) => ({
      [param]: [{ role: 'user', content: lengths.map((length) => ({ type, text: 'x'.repeat(length) })) }],
    });
    const longest = await post(base + path, parts(TEXT_MAX - 1, 1));
    expect(longest.status).toBe(404);
    const message = await expectRefused(
      await post(base + path, parts(TEXT_MAX, 1)),
      'string_above_max_length',
      param,
    );
    expect(message).toContain(String(TEXT_MAX));
  });

  it('of the legacy API may be as long as a body', async () => {
    const conversation = { value: 'x'.repeat(TEXT_MAX + 1) };
    const response = await post(`${base}/api/v1/chat/completion`, { conversation });
    expect(await response.json()).toMatchObject({ data: { success: false } });
  });
});

describe('metadata', () => {
  it.each(['/v1/chat/completions', '/v1/responses'])('of %s has 16 pairs at most', async (path) => {
    const ask = (metadata: object) => post(base + path, { ...goodFor(path), metadata });
    expect((await ask(pairs(16))).status).toBe(200);
    const message = await expectRefused(await ask(pairs(17)), 'object_above_max_properties', 'metadata');
    expect(message).toBe(
      "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an object with 17 properties instead.",
    );
  });

  it.each(['/v1/chat/completions', '/v1/responses'])(
    'of %s has keys of at most 64 characters',
    async (path) => {
      const ask = (key: string) => post(base + path, { ...goodFor(path), metadata: { [key]: 'v' } });
      expect((await ask('k'.repeat(64))).status).toBe(200);
      const message = await expectRefused(
        await ask('k'.repeat(65)),
        'property_name_above_max_length',
        'metadata',
      );
      expect(message).toMatch(
        /^Invalid property name in 'metadata': 'k{40}…' is too long\..*64.*65 instead\.$/,
      );
    },
  );
});

describe('an echoed field with any content', () => {
  it.each([
    ['tools', (text: string) => [{ type: 'function', name: 'f', description: text }]],
    ['tools', (text: string) => [{ type: 'function', [text]: 1 }]],
    ['tools', ({ length }: string) => Array.from({ length: length / 20 }, () => ({ a: 0.1 + 0.2 }))],
    ['tool_choice', (text: string) => ({ type: text })],
    ['text', (text: string) => ({ format: { type: 'json_schema', name: 'n', schema: { text } } })],
    ['reasoning', (text: string) => ({ more: [[text]] })],
  ])('is echoed up to a length: %s (%#)', async (name, made) => {
    const ask = (length: number) =>
      post(`${base}/v1/responses`, { ...GOOD_INPUT, [name]: made('x'.repeat(length)) });
    const echoed = await ask(100_000);
    expect([echoed.status, await echoed.json()]).toMatchObject([200, { object: 'response' }]);
    const refused = await ask(ECHOED_MAX);
    expect([refused.status, await refused.json()]).toMatchObject([
      413,
      { error: { param: name, code: 'request_too_large' } },
    ]);
  });
});

describe('a field that needs another', () => {
  it.each([
    ['/v1/chat/completions', { ...GOOD, top_logprobs: 2 }, 'missing_required_parameter', 'logprobs'],
    ['/v1/chat/completions', { ...GOOD, top_logprobs: 2, logprobs: false }, 'unsupported_value', 'logprobs'],
    ['/v1/chat/completions', { ...GOOD, top_logprobs: 2, logprobs: null }, 'invalid_type', 'logprobs'],
    [
      '/v1/chat/completions',
      { ...GOOD, response_format: { type: 'json_schema' } },
      'missing_required_parameter',
      'response_format.json_schema',
    ],
    [
      '/v1/chat/completions',
      { ...GOOD, response_format: { type: 'json_schema', json_schema: { name: 'n' } } },
      'missing_required_parameter',
      'response_format.json_schema.schema',
    ],
    [
      '/v1/responses',
      { ...GOOD_INPUT, text: { format: { type: 'json_schema', name: 'n' } } },
      'missing_required_parameter',
      'text.format.schema',
    ],
  ])('of %s is rejected without it: %j', async (path, body, code, param) => {
    await expectRefused(await post(base + path, body), code, param);
  });

  it.each([
    ['/v1/chat/completions', { ...GOOD, top_logprobs: 0 }],
    ['/v1/chat/completions', { ...GOOD, response_format: { type: 'text' } }],
    [
      '/v1/chat/completions',
      { ...GOOD, response_format: { type: 'json_schema', json_schema: { name: 'n', schema: {} } } },
    ],
    ['/v1/responses', { ...GOOD_INPUT, text: {} }],
    ['/v1/responses', { ...GOOD_INPUT, max_tool_calls: 0 }],
  ])('of %s is accepted with it, or if it has no effect: %j', async (path, body) => {
    expect((await post(base + path, body)).status).toBe(200);
  });
});

describe('an unknown value of an enumeration', () => {
  it.each([
    ['tool_choice', { ...GOOD, tool_choice: 'always' }, 'invalid_value', 'none, auto, required'],
    [
      'response_format.type',
      { ...GOOD, response_format: { type: 'xml' } },
      'invalid_value',
      'text, json_object, json_schema',
    ],
    ['modalities[1]', { ...GOOD, modalities: ['text', 'audio'] }, 'unsupported_value', 'text'],
  ])('of %s', async (param, body, code, known) => {
    const list = known.split(', ').map((word) => `'${word}'`);
    const message = await expectRefused(await post(`${base}/v1/chat/completions`, body), code, param);
    expect(message).toContain(`Supported values are: ${list.join(', ')}.`);
  });
});

/** Expects an error in OpenAI's format. Returns the message. */
async function expectRefused(response: Response, code: string, param: string): Promise<string> {
  const { error } = (await response.json()) as { error: Record<string, unknown> };
  expect([response.status, response.headers.get('content-type'), error]).toEqual([
    400,
    'application/json',
    { message: expect.any(String), type: 'invalid_request_error', param, code },
  ]);
  return String(error.message);
}

/** The API described in OpenAPI 3.1, generated from the table of operations and the schemas that validate requests. */

import { anthropicErrorSchema } from '../anthropic/schemas/answers.js';
import { AppError, ERRORS, type ErrorCode } from '../core/errors.js';
import { errorBody } from '../openai/error-body.js';
import { errorSchema, legacyErrorSchema, legacyInvalidSchema } from '../openai/schemas/answers.js';
import { MODEL_ID } from './openai-operations.js';
import {
  AZURE_BASE,
  DEPLOYMENT,
  DEPLOYMENT_PARAMETERS,
  type Example,
  type Parameter,
  type Schema,
  TAGS,
} from './operation.js';
import { isLimited, OPERATIONS, type Operation } from './operations.js';

/** The errors of a rate limit, of every request, and of operations that need a key. */
const LIMIT_ERRORS = ['rate_limit_exceeded'] as const satisfies readonly ErrorCode[];
const ERRORS_ANYWHERE = ['bad_request'] as const satisfies readonly ErrorCode[];
const KEY_ERRORS = ['missing_api_key', 'invalid_api_key'] as const satisfies readonly ErrorCode[];

/** Codes for which the legacy API responds with 422 and a list of errors. */
const LEGACY_INVALID: ReadonlySet<ErrorCode> = new Set([
  'invalid_json',
  'missing_required_parameter',
  'invalid_type',
  'invalid_value',
  'unsupported_content_type',
]);

const HEADERS = {
  'x-request-id': {
    description: "The request's `x-request-id`, or a new one if it had none.",
    schema: { type: 'string' },
  },
  'x-verbatim-match': {
    description:
      'How the prompt was found: with its context, by the last message alone, by the last message with its white space normalized, or by the nearest turn; `none` for a miss; `override` for a reply that a test gave; `upstream` for the answer of an upstream; `computed` if nothing was looked up.',
    schema: {
      enum: ['context', 'prompt', 'normalized', 'nearest', 'override', 'upstream', 'none', 'computed'],
    },
  },
  'x-verbatim-source': {
    description: 'The source of the reply: the id of its conversation, `#`, and its turn. Absent for a miss.',
    schema: { type: 'string' },
  },
  'x-verbatim-dataset': {
    description: 'The id of the model whose dataset has the reply. Absent for a miss.',
    schema: { type: 'string' },
  },
  'request-id': { description: 'The same, in the header of Anthropic.', schema: { type: 'string' } },
  'x-verbatim-score': {
    description: 'The score of the nearest turn for the prompt, 0 to 1. Only if that turn answers.',
    schema: { type: 'string' },
  },
  'retry-after': { description: 'When to try again, in seconds.', schema: { type: 'integer' } },
} as const;

/** The servers of OpenAI's operations. */
const SERVERS = [{ url: '/' }, { url: AZURE_BASE, description: "Azure's prefix." }];

/** The server's properties that the document shows. */
export interface DocumentParts {
  /** The program's version. */
  readonly version: string;
  /** The status of a prompt that has no reply. */
  readonly missStatus: number;
  /** The prompt and the model of the example requests; undefined omits the examples. */
  readonly example?: Example | undefined;
}

/** The document of a server. */
export function openapiDocument(parts: DocumentParts): object {
  const { version, example } = parts;
  const schemas: Record<string, object> = {};
  const refer = (schema: Schema) => named(schema, schemas);
  const paths: Record<string, object> = {};
  for (const operation of OPERATIONS) {
    const { path, method, tag, aliases = [] } = operation;
    const described = operationObject(operation, refer, parts);
    paths[path] = {
      ...paths[path],
      [method]: { ...described, ...(tag === 'OpenAI' && { servers: SERVERS }) },
    };
    for (const alias of aliases) {
      const operationId = `${operation.id}OfDeployment`;
      const ofAzure = DEPLOYMENT_PARAMETERS.map((each) => withExample(each, example));
      const parameters = [...ofAzure, ...parametersOf(operation, example)];
      paths[alias] = { ...paths[alias], [method]: { ...described, operationId, parameters } };
    }
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'verbatim',
      version,
      license: { name: 'MIT', identifier: 'MIT' },
      description:
        'Serves a conversation dataset as an OpenAI-compatible API: a prompt that is in the dataset gets the recorded reply. Other paths get 404, other methods 405.',
    },
    servers: [{ url: '/' }],
    tags: TAGS,
    // The empty requirement: no key is needed unless the server has keys.
    security: [{}, { bearer: [] }, { apiKey: [] }, { xApiKey: [] }],
    paths,
    components: {
      schemas,
      headers: HEADERS,
      examples: Object.fromEntries(
        openaiErrors().map((code) => [code, { value: errorBody(new AppError(code)) }]),
      ),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'One of `API_KEYS`, if the server has any.' },
        apiKey: {
          type: 'apiKey',
          in: 'header',
          name: 'api-key',
          description: 'The same key, in another header.',
        },
        xApiKey: {
          type: 'apiKey',
          in: 'header',
          name: 'x-api-key',
          description: 'The same key, in the header of Anthropic.',
        },
      },
    },
  };
}

function operationObject(
  operation: Operation,
  refer: (schema: Schema) => object,
  { example, missStatus }: DocumentParts,
): object {
  const { id, tag, summary, description, body, answer, isLookup, isComputed, isOpen } = operation;
  const parameters = parametersOf(operation, example);
  const content = Object.entries(answer).map(([type, schema]) => [type, { schema: refer(schema) }]);
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description !== undefined && { description }),
    ...(isOpen === true && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: refer(body),
            ...(example !== undefined && { example: operation.example?.(example) }),
          },
        },
      },
    }),
    responses: {
      200: {
        description: summary,
        headers: headers(
          'x-request-id',
          ...(tag === 'Anthropic' ? (['request-id'] as const) : []),
          ...(isLookup === true
            ? (['x-verbatim-match', 'x-verbatim-source', 'x-verbatim-dataset', 'x-verbatim-score'] as const)
            : []),
          ...(isComputed === true ? (['x-verbatim-match'] as const) : []),
        ),
        content: Object.fromEntries(content),
      },
      ...errorResponses(operation, refer, missStatus),
    },
  };
}

/** The parameters of an operation, including those of its query. */
function parametersOf({ parameters = [], query }: Operation, example: Example | undefined): object[] {
  const fields = Object.entries(query?.properties ?? {}).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    schema,
    description,
  }));
  return [...parameters.map((each) => withExample(each, example)), ...fields];
}

/** Path parameters that take a model's name. */
const MODEL_PARAMETERS: ReadonlySet<Parameter> = new Set([DEPLOYMENT, MODEL_ID]);

/** A parameter; if it takes a model's name, with a model as its example. */
function withExample(parameter: Parameter, example: Example | undefined): object {
  const hasExample = example !== undefined && MODEL_PARAMETERS.has(parameter);
  return hasExample ? { ...parameter, example: example.model } : parameter;
}

/** The errors of an operation, by status. */
function errorResponses(operation: Operation, refer: (schema: Schema) => object, missStatus: number): object {
  const isLegacy = operation.tag === 'Legacy API';
  const statusOf = (code: ErrorCode) => {
    if (isLegacy && LEGACY_INVALID.has(code)) return 422;
    return code === 'prompt_not_found' ? missStatus : ERRORS[code].status;
  };
  const codes = errorsOf(operation);
  return Object.fromEntries(
    [...new Set(codes.map(statusOf))].map((status) => {
      const ofStatus = codes.filter((code) => statusOf(code) === status);
      return [
        status,
        {
          description: ofStatus.map((code) => `\`${code}\`: ${ERRORS[code].message}`).join('\n\n'),
          headers: headers(
            'x-request-id',
            ...(operation.tag === 'Anthropic' ? (['request-id'] as const) : []),
            ...(status === 503 || status === 429 ? (['retry-after'] as const) : []),
            ...(ofStatus.includes('prompt_not_found') ? (['x-verbatim-match'] as const) : []),
          ),
          content: { 'application/json': errorContent(operation, refer, status, ofStatus) },
        },
      ];
    }),
  );
}

/** The body of the errors of a status: its schema, and examples in OpenAI's format. */
function errorContent(
  { tag }: Operation,
  refer: (schema: Schema) => object,
  status: number,
  codes: readonly ErrorCode[],
): object {
  if (tag === 'Anthropic') return { schema: refer(anthropicErrorSchema) };
  if (tag !== 'Legacy API') return { schema: refer(errorSchema), examples: references('examples', codes) };
  return { schema: refer(status === 422 ? legacyInvalidSchema : legacyErrorSchema) };
}

function errorsOf(operation: Operation): ErrorCode[] {
  const { errors = [], isOpen } = operation;
  return [
    ...ERRORS_ANYWHERE,
    ...(isOpen === true ? [] : KEY_ERRORS),
    ...(isLimited(operation) ? LIMIT_ERRORS : []),
    ...errors,
  ];
}

/** All errors of operations that report them in OpenAI's format. */
function openaiErrors(): ErrorCode[] {
  const codes = OPERATIONS.filter(({ tag }) => tag !== 'Legacy API' && tag !== 'Anthropic').flatMap(errorsOf);
  return [...new Set(codes)];
}

function headers(...names: (keyof typeof HEADERS)[]): object {
  return references('headers', names);
}

function references(kind: string, names: readonly string[]): object {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/${kind}/${name}` }]));
}

/**
 * A schema as the document has it: every schema with an `$id` is moved to `schemas` and replaced by a reference. Its `$id` is removed,
 * since it would change how references resolve. `discriminator` is removed, too: OpenAPI allows it only between named schemas, and it adds
 * nothing to the schemas next to it.
 */
function named(schema: Schema, schemas: Record<string, object>): object {
  const { $id, discriminator: _, ...rest } = schema as { $id?: string; discriminator?: unknown };
  if ($id === undefined) return mapped(rest, schemas);
  schemas[$id] ??= mapped(rest, schemas);
  return { $ref: `#/components/schemas/${$id}` };
}

function mapped(schema: object, schemas: Record<string, object>): object {
  const value = (each: unknown): unknown => {
    if (Array.isArray(each)) return each.map(value);
    return typeof each === 'object' && each !== null ? named(each, schemas) : each;
  };
  return Object.fromEntries(Object.entries(schema).map(([key, each]) => [key, value(each)]));
}

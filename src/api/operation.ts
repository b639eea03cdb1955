/** What an operation is, and what several of them have in common. */

import type { ErrorCode } from '../core/errors.js';

/** The prefix of OpenAI's paths on Azure. */
export const AZURE_BASE = '/openai';

/**
 * The prefixes of a provider's paths, by its tag, for clients with another base URL: it lacks `/v1`, or has it twice, or is Azure's. The
 * paths of the table have the first prefix.
 */
export const BASES: Readonly<Record<string, readonly string[]>> = {
  OpenAI: ['/v1', '', '/v1/v1', `${AZURE_BASE}/v1`, AZURE_BASE],
  Anthropic: ['/v1', '', '/v1/v1'],
};

/** The parameter of Azure's paths that names a deployment. */
export const DEPLOYMENT: Parameter = {
  name: 'deployment',
  in: 'path',
  required: true,
  schema: { type: 'string' },
  description: 'The model, if the body names none.',
};

/** The parameters of Azure's paths. */
export const DEPLOYMENT_PARAMETERS: readonly Parameter[] = [
  DEPLOYMENT,
  { name: 'api-version', in: 'query', schema: { type: 'string' }, description: 'Accepted; has no effect.' },
];

/** The prefix of the legacy API's paths. */
export const LEGACY_BASE = '/api/v1/chat';

/** A JSON Schema. A schema with an `$id`, at any depth, appears once in the document, under that name. */
export type Schema = object;

/** A parameter in OpenAPI's format. */
export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly schema: Readonly<Record<string, unknown>> & { readonly pattern?: string };
  readonly required?: boolean;
  readonly description: string;
}

/** A prompt that has a reply, and the id of the model whose dataset has it. */
export interface Example {
  readonly prompt: string;
  readonly model: string;
}

/** A method of a path. */
export interface Described {
  readonly method: 'get' | 'post' | 'delete';
  readonly path: string;
  /** A unique name, for generators of client code. */
  readonly id: string;
  readonly tag: (typeof TAGS)[number]['name'];
  readonly summary: string;
  readonly description?: string;
  /** A path parameter may have a `pattern` for how it begins: a path with any other value there is a different path. */
  readonly parameters?: readonly Parameter[];
  /** Other paths of the operation, besides those of `BASES`: Azure's, with `DEPLOYMENT_PARAMETERS`. */
  readonly aliases?: readonly string[];
  /** The schema that validates the query. */
  readonly query?: { readonly properties: Readonly<Record<string, { readonly description: string }>> };
  /** The schema that validates the request. */
  readonly body?: Schema;
  /** A request body that gets a reply. */
  readonly example?: (example: Example) => object;
  /** The schemas of a successful response, by content type. */
  readonly answer: Readonly<Record<string, Schema>>;
  /** True if the answer comes from the dataset; its headers then say so. */
  readonly isLookup?: boolean;
  /** True if the answer is computed from the request alone; a header then says so. */
  readonly isComputed?: boolean;
  /** True if it needs no key, even if the server has keys. */
  readonly isOpen?: boolean;
  /** True if HEAD is rejected: a HEAD would take as long as the GET. */
  readonly refusesHead?: boolean;
  /** The errors of the operation, besides those of every operation. */
  readonly errors?: readonly ErrorCode[];
}

/** The groups of operations. */
export const TAGS = [
  {
    name: 'OpenAI',
    description:
      "OpenAI's API. Its paths also exist without `/v1`, and with Azure's prefixes `/openai` and `/openai/v1`.",
  },
  {
    name: 'Anthropic',
    description: "Anthropic's API, with its own error format. Its paths also exist without `/v1`.",
  },
  { name: 'Server', description: 'The server itself.' },
  {
    name: 'Looking',
    description: 'What is in the datasets.',
  },
  {
    name: 'Testing',
    description: 'Replies that tests give, and the journal of requests.',
  },
  {
    name: 'Legacy API',
    description: 'The API that this project replaces. It has its own error format.',
  },
] as const;

/** The errors of an invalid body, and of a request with one that doesn't name its test as it must. */
export const BODY_ERRORS = [
  'invalid_json',
  'missing_required_parameter',
  'invalid_type',
  'invalid_value',
  'unsupported_value',
  'empty_string',
  'empty_array',
  'array_above_max_length',
  'string_above_max_length',
  'object_above_max_properties',
  'property_name_above_max_length',
  'integer_below_min_value',
  'integer_above_max_value',
  'decimal_below_min_value',
  'decimal_above_max_value',
  'request_too_large',
  'unsupported_content_type',
  'test_id_required',
  'test_id_invalid',
] as const satisfies readonly ErrorCode[];

/** The errors of what can happen to a dataset. */
export const DATASET_ERRORS = [
  'dataset_invalid',
  'dataset_changed',
  'dataset_unreadable',
  'worker_failed',
  'overloaded',
  'timed_out',
] as const satisfies readonly ErrorCode[];

/** The errors of requests that look at a dataset. */
export const LOOKING_ERRORS = [...DATASET_ERRORS, 'not_in_store'] as const satisfies readonly ErrorCode[];

/** Errors of requests for which tests may have given replies. */
export const GIVEN_ERRORS = [
  'given_failure',
  'override_failed',
  'store_unavailable',
] as const satisfies readonly ErrorCode[];

/** The errors of a request that is answered with a recorded reply. */
export const COMPLETION_ERRORS = [
  ...BODY_ERRORS,
  'context_length_exceeded',
  'model_not_found',
  'prompt_not_found',
  ...GIVEN_ERRORS,
  'simulated_failure',
  ...DATASET_ERRORS,
  'foreign_page',
  'upstream_unreachable',
  'upstream_timeout',
] as const;

/** An answer in JSON. */
export const json = (schema: Schema) => ({ 'application/json': schema });

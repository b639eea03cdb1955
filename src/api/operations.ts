/**
 * The operations of the server, in one table: routes, allowed methods, metric labels and the OpenAPI document are generated from it. To add
 * a path, add an entry.
 */

import {
  anthropicModelListSchema,
  anthropicModelSchema,
  messageEventSchema,
  messageSchema,
  tokenCountSchema,
} from '../anthropic/schemas/answers.js';
import { countTokensSchema, messagesSchema } from '../anthropic/schemas/messages.js';
import type { ErrorCode } from '../core/errors.js';
import {
  chatChunkSchema,
  chatCompletionSchema,
  completionAnswerSchema,
  completionChunkSchema,
  deletedChatSchema,
  deletedModelSchema,
  embeddingListSchema,
  healthSchema,
  homeSchema,
  legacyAnswerSchema,
  legacyBenchmarkSchema,
  modelListSchema,
  modelSchema,
  readySchema,
  storedChatListSchema,
  storedChatSchema,
  storedMessageListSchema,
  tokenListSchema,
  tokenTextSchema,
  versionSchema,
} from '../openai/schemas/answers.js';
import { chatSchema } from '../openai/schemas/chat.js';
import { completionSchema } from '../openai/schemas/completion.js';
import { embeddingsSchema } from '../openai/schemas/embeddings.js';
import { legacySchema } from '../openai/schemas/legacy.js';
import { inputItemsSchema, responsesSchema, retrieveSchema } from '../openai/schemas/responses.js';
import {
  compactedSchema,
  deletedResponseSchema,
  inputItemListSchema,
  inputTokensSchema,
  responseEventSchema,
  responseSchema,
} from '../openai/schemas/responses-answers.js';
import { listChatsSchema, listMessagesSchema, updateChatSchema } from '../openai/schemas/stored-chats.js';
import { detokenizeSchema, tokenizeSchema } from '../openai/schemas/tokens.js';
import {
  clearedSchema,
  explainedRequestSchema,
  explanationSchema,
  ownRepliesAddedSchema,
  ownRepliesSchema,
  recordedRequestSchema,
  requestListSchema,
  requestsQuerySchema,
} from '../testing/schemas/test-api.js';

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
interface Described {
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

/** True if the rate limit counts an operation: those that use the dataset or the tokenizer. */
export function isLimited({ tag, body }: Operation): boolean {
  return tag === 'Server' ? body !== undefined : tag !== 'Testing';
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
    name: 'Testing',
    description: 'Replies that tests give, and the journal of requests.',
  },
  {
    name: 'Legacy API',
    description: 'The API that this project replaces. It has its own error format.',
  },
] as const;

const BODY_ERRORS = [
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
] as const satisfies readonly ErrorCode[];

const DATASET_ERRORS = [
  'dataset_invalid',
  'dataset_changed',
  'dataset_unreadable',
  'worker_failed',
  'overloaded',
  'timed_out',
] as const satisfies readonly ErrorCode[];

/** Errors of requests for which tests may have given replies. */
const GIVEN_ERRORS = [
  'test_id_required',
  'given_failure',
  'override_failed',
] as const satisfies readonly ErrorCode[];

const COMPLETION_ERRORS = [
  ...BODY_ERRORS,
  'model_not_found',
  'prompt_not_found',
  ...GIVEN_ERRORS,
  ...DATASET_ERRORS,
] as const;

/** The errors of operations that use the input of a response, and look up nothing. */
const INPUT_ERRORS = [
  ...BODY_ERRORS,
  'model_not_found',
  'previous_response_not_found',
  'object_not_found',
  'worker_failed',
  'overloaded',
  'timed_out',
] as const satisfies readonly ErrorCode[];

const json = (schema: Schema) => ({ 'application/json': schema });

/** The parameter that names a model. */
export const MODEL_ID: Parameter = {
  name: 'id',
  in: 'path',
  required: true,
  schema: { type: 'string' },
  description: 'Any name, unless `STRICT_MODELS` is set. It may contain slashes.',
};

const MODELS_FORMAT = "If the request has the header `anthropic-version`, the answer has Anthropic's format.";

const responseId = {
  name: 'id',
  in: 'path',
  required: true,
  schema: { type: 'string' },
  description: 'The id of a stored response.',
} as const;

const chatId = {
  name: 'id',
  in: 'path',
  required: true,
  schema: { type: 'string' },
  description: 'The id of a stored chat completion.',
} as const;

const LIST_ERRORS = [
  'invalid_type',
  'invalid_value',
  'integer_below_min_value',
  'integer_above_max_value',
] as const satisfies readonly ErrorCode[];

const tokens = {
  method: 'post',
  tag: 'Server',
  errors: [...BODY_ERRORS, 'model_not_found', 'worker_failed'],
} as const;

const ping = {
  path: '/ping',
  tag: 'Server',
  summary: "Liveness, on SageMaker's path",
  answer: json(healthSchema),
  isOpen: true,
} as const;

const testId = {
  name: 'test',
  in: 'query',
  schema: { type: 'string' },
  description: 'The id of one test, as in the header `x-test-id`, which counts without it. Default: all.',
} as const;

const legacyCompletion = {
  method: 'post',
  tag: 'Legacy API',
  description:
    'Returns the reply to the first turn whose text is exactly the value. A miss is reported in the body, with status 200.',
  body: legacySchema,
  example: ({ prompt }: Example) => ({ conversation: { from: 'human', value: prompt } }),
  answer: json(legacyAnswerSchema),
  isLookup: true,
  errors: [...BODY_ERRORS, ...DATASET_ERRORS],
} as const;

const TABLE = [
  {
    method: 'post',
    path: '/v1/chat/completions',
    aliases: ['/openai/deployments/{deployment}/chat/completions'],
    id: 'createChatCompletion',
    tag: 'OpenAI',
    summary: 'The recorded reply to a chat',
    description: 'With `stream`, sends chunks as server-sent events; the last `data` is `[DONE]`.',
    body: chatSchema,
    example: ({ model, prompt }) => ({ model, messages: [{ role: 'user', content: prompt }] }),
    answer: { ...json(chatCompletionSchema), 'text/event-stream': chatChunkSchema },
    isLookup: true,
    errors: COMPLETION_ERRORS,
  },
  {
    method: 'get',
    path: '/v1/chat/completions',
    // A route has all its methods on all its paths.
    aliases: ['/openai/deployments/{deployment}/chat/completions'],
    id: 'listChatCompletions',
    tag: 'OpenAI',
    summary: 'The stored chat completions',
    query: listChatsSchema,
    answer: json(storedChatListSchema),
    errors: [
      ...LIST_ERRORS,
      'string_above_max_length',
      'object_above_max_properties',
      'property_name_above_max_length',
      'request_too_large',
      'overloaded',
    ],
  },
  {
    method: 'get',
    path: '/v1/chat/completions/{id}',
    id: 'retrieveChatCompletion',
    tag: 'OpenAI',
    summary: 'A stored chat completion',
    parameters: [chatId],
    answer: json(storedChatSchema),
    errors: ['object_not_found', 'request_too_large', 'overloaded'],
  },
  {
    method: 'post',
    path: '/v1/chat/completions/{id}',
    id: 'updateChatCompletion',
    tag: 'OpenAI',
    summary: 'Replaces the metadata of a stored chat completion',
    parameters: [chatId],
    body: updateChatSchema,
    example: () => ({ metadata: { topic: 'greeting' } }),
    answer: json(storedChatSchema),
    errors: [...BODY_ERRORS, 'object_not_found', 'overloaded'],
  },
  {
    method: 'delete',
    path: '/v1/chat/completions/{id}',
    id: 'deleteChatCompletion',
    tag: 'OpenAI',
    summary: 'Deletes a chat completion',
    parameters: [chatId],
    answer: json(deletedChatSchema),
    errors: ['object_not_found'],
  },
  {
    method: 'get',
    path: '/v1/chat/completions/{id}/messages',
    id: 'listChatMessages',
    tag: 'OpenAI',
    summary: 'The messages of the request that a chat completion answers',
    parameters: [chatId],
    query: listMessagesSchema,
    answer: json(storedMessageListSchema),
    errors: [...LIST_ERRORS, 'object_not_found', 'request_too_large', 'overloaded'],
  },
  {
    method: 'post',
    path: '/v1/completions',
    aliases: ['/openai/deployments/{deployment}/completions'],
    id: 'createCompletion',
    tag: 'OpenAI',
    summary: 'The recorded replies to one or several prompts',
    description:
      'With `stream`, sends chunks as server-sent events; the last `data` is `[DONE]`. The headers describe the reply to the first prompt. A recorded function call is returned as text.',
    body: completionSchema,
    example: ({ model, prompt }) => ({ model, prompt }),
    answer: { ...json(completionAnswerSchema), 'text/event-stream': completionChunkSchema },
    isLookup: true,
    errors: COMPLETION_ERRORS,
  },
  {
    method: 'post',
    path: '/v1/responses',
    id: 'createResponse',
    tag: 'OpenAI',
    summary: 'The recorded reply to an input',
    description:
      'With `stream`, sends server-sent events: `event` is the type, `data` the object. The last event has the whole response; no `[DONE]` follows. The response is stored in memory, unless `store` is false, until newer ones evict it.',
    body: responsesSchema,
    example: ({ model, prompt }) => ({ model, input: prompt }),
    answer: { ...json(responseSchema), 'text/event-stream': responseEventSchema },
    isLookup: true,
    errors: [...COMPLETION_ERRORS, 'previous_response_not_found', 'object_not_found'],
  },
  {
    method: 'post',
    path: '/v1/responses/input_tokens',
    id: 'countInputTokens',
    tag: 'OpenAI',
    summary: 'The number of tokens in the input of a response',
    description: 'The same number as in the usage of the response. Nothing is looked up or stored.',
    body: responsesSchema,
    example: ({ model, prompt }) => ({ model, input: prompt }),
    answer: json(inputTokensSchema),
    errors: INPUT_ERRORS,
  },
  {
    method: 'post',
    path: '/v1/responses/compact',
    id: 'compactResponse',
    tag: 'OpenAI',
    summary: 'One item in place of a conversation',
    description:
      'The item continues the conversation if it begins the `input` of a response. The messages stay in memory, until newer ones evict them. Nothing is looked up.',
    body: responsesSchema,
    example: ({ model, prompt }) => ({ model, input: prompt }),
    answer: json(compactedSchema),
    errors: INPUT_ERRORS,
  },
  {
    method: 'get',
    path: '/v1/responses/{id}',
    id: 'retrieveResponse',
    tag: 'OpenAI',
    summary: 'A stored response',
    description: 'With `stream`, sends its events again.',
    parameters: [responseId],
    query: retrieveSchema,
    answer: { ...json(responseSchema), 'text/event-stream': responseEventSchema },
    errors: ['invalid_type', 'integer_below_min_value', 'response_not_found'],
  },
  {
    method: 'delete',
    path: '/v1/responses/{id}',
    id: 'deleteResponse',
    tag: 'OpenAI',
    summary: 'Deletes a response',
    description: 'Responses that continue it can still be retrieved, but no longer be continued.',
    parameters: [responseId],
    answer: json(deletedResponseSchema),
    errors: ['response_not_found'],
  },
  {
    method: 'post',
    path: '/v1/responses/{id}/cancel',
    id: 'cancelResponse',
    tag: 'OpenAI',
    summary: 'A response that was requested in the background',
    description: 'It is completed already: nothing is cancelled. Other responses can not be cancelled.',
    parameters: [responseId],
    answer: json(responseSchema),
    errors: ['response_not_cancellable', 'response_not_found'],
  },
  {
    method: 'get',
    path: '/v1/responses/{id}/input_items',
    id: 'listInputItems',
    tag: 'OpenAI',
    summary: 'The input items of a response',
    parameters: [responseId],
    query: inputItemsSchema,
    answer: json(inputItemListSchema),
    errors: [...LIST_ERRORS, 'response_not_found'],
  },
  {
    method: 'post',
    path: '/v1/embeddings',
    aliases: ['/openai/deployments/{deployment}/embeddings'],
    id: 'createEmbeddings',
    tag: 'OpenAI',
    summary: 'Vectors of texts',
    description:
      'The vectors are computed from the texts by feature hashing, and always the same: nothing is looked up. Texts with similar spelling get vectors that are close.',
    body: embeddingsSchema,
    example: ({ model, prompt }) => ({ model, input: prompt }),
    answer: json(embeddingListSchema),
    isComputed: true,
    errors: [...BODY_ERRORS, 'model_not_found', 'worker_failed', 'overloaded', 'timed_out'],
  },
  {
    method: 'get',
    path: '/v1/models',
    id: 'listModels',
    tag: 'OpenAI',
    summary: 'The models: one for each dataset',
    description: MODELS_FORMAT,
    answer: json({ anyOf: [modelListSchema, anthropicModelListSchema] }),
  },
  {
    method: 'get',
    path: '/v1/models/{id}',
    id: 'retrieveModel',
    tag: 'OpenAI',
    summary: 'A model by its name',
    description: MODELS_FORMAT,
    parameters: [MODEL_ID],
    answer: json({ anyOf: [modelSchema, anthropicModelSchema] }),
    errors: ['model_not_found'],
  },
  {
    method: 'delete',
    path: '/v1/models/{id}',
    id: 'deleteModel',
    tag: 'OpenAI',
    summary: 'Refused: a dataset can not be deleted',
    description: 'With `ON_MISS=fallback`, the deletion of a model that no dataset has is confirmed.',
    parameters: [MODEL_ID],
    answer: json(deletedModelSchema),
    errors: ['model_not_deletable', 'model_not_found'],
  },
  {
    method: 'post',
    path: '/v1/messages',
    id: 'createMessage',
    tag: 'Anthropic',
    summary: 'The recorded reply to a chat',
    description:
      'With `stream`, sends server-sent events: `event` is the type, `data` the object. `anthropic-version` and `?beta=true` are accepted and have no effect.',
    body: messagesSchema,
    example: ({ model, prompt }) => ({
      model,
      max_tokens: 1024,
      messages: [{ role: 'user', content: prompt }],
    }),
    answer: { ...json(messageSchema), 'text/event-stream': messageEventSchema },
    isLookup: true,
    errors: COMPLETION_ERRORS,
  },
  {
    method: 'post',
    path: '/v1/messages/count_tokens',
    id: 'countMessageTokens',
    tag: 'Anthropic',
    summary: 'The number of tokens in the messages, the system message and the tools',
    description: 'The same number as in the usage of the message. Nothing is looked up.',
    body: countTokensSchema,
    example: ({ model, prompt }) => ({ model, messages: [{ role: 'user', content: prompt }] }),
    answer: json(tokenCountSchema),
    errors: [...BODY_ERRORS, 'model_not_found', 'worker_failed', 'overloaded', 'timed_out'],
  },
  {
    method: 'get',
    path: '/',
    id: 'home',
    tag: 'Server',
    summary: 'The server, the state of its datasets, and a request that gets a reply',
    description:
      'HTML if `Accept` has `text/html`, else JSON if it has `application/json`, else plain text. If the server requires keys, a request without an accepted one gets nothing about the datasets.',
    answer: { 'text/html': { type: 'string' }, 'text/plain': { type: 'string' }, ...json(homeSchema) },
    isOpen: true,
  },
  {
    method: 'get',
    path: '/health',
    id: 'health',
    tag: 'Server',
    summary: 'Liveness',
    answer: json(healthSchema),
    isOpen: true,
  },
  { ...ping, method: 'get', id: 'ping' },
  { ...ping, method: 'post', id: 'postPing' },
  {
    method: 'get',
    path: '/ready',
    id: 'ready',
    tag: 'Server',
    summary: 'Readiness, the engine, and how much of the dataset has been read',
    answer: json(readySchema),
    isOpen: true,
    errors: ['dataset_changed', 'stopping'],
  },
  {
    method: 'get',
    path: '/metrics',
    id: 'metrics',
    tag: 'Server',
    summary: 'Metrics for Prometheus',
    answer: { 'text/plain': { type: 'string' } },
  },
  {
    method: 'get',
    path: '/version',
    id: 'version',
    tag: 'Server',
    summary: 'The version of verbatim',
    answer: json(versionSchema),
    isOpen: true,
  },
  {
    ...tokens,
    path: '/tokenize',
    id: 'tokenize',
    summary: 'The tokens of a prompt or a chat',
    body: tokenizeSchema,
    example: ({ prompt }) => ({ prompt }),
    answer: json(tokenListSchema),
  },
  {
    ...tokens,
    path: '/detokenize',
    id: 'detokenize',
    summary: 'The text of tokens',
    body: detokenizeSchema,
    example: () => ({ tokens: [9906, 1917] }),
    answer: json(tokenTextSchema),
  },
  {
    method: 'get',
    path: '/openapi.json',
    id: 'openapi',
    tag: 'Server',
    summary: 'This document',
    description:
      'Its examples are prompts of the dataset. If the server requires keys, a request without one gets no examples.',
    answer: json({ type: 'object' }),
    isOpen: true,
  },
  {
    method: 'get',
    path: '/docs',
    id: 'docs',
    tag: 'Server',
    summary: 'This document as a page',
    answer: { 'text/html': { type: 'string' } },
    isOpen: true,
  },
  {
    method: 'post',
    path: '/api/replies',
    id: 'giveReplies',
    tag: 'Testing',
    summary: 'Gives replies or errors to some requests, before the dataset is searched',
    description:
      'Later ones go before earlier ones; those for a prompt or for messages go before those for a pattern. With the header `x-test-id`, only requests with the same header get them.',
    body: ownRepliesSchema,
    example: () => ({ prompt: 'What is 2+2?', reply: '4' }),
    answer: json(ownRepliesAddedSchema),
    errors: [...BODY_ERRORS, 'unknown_parameter'],
  },
  {
    method: 'delete',
    path: '/api/replies',
    id: 'takeBackReplies',
    tag: 'Testing',
    summary: 'Takes back the replies and errors of a test, or all',
    parameters: [testId],
    answer: json(clearedSchema),
    errors: ['invalid_type'],
  },
  {
    method: 'post',
    path: '/api/explain',
    id: 'explain',
    tag: 'Testing',
    summary: 'What a request would get, and why',
    description:
      'The body is that of a chat, a completion or a response. Nothing is used up: no reply of a test, and no entry of the journal.',
    body: explainedRequestSchema,
    example: ({ prompt }) => ({ messages: [{ role: 'user', content: prompt }] }),
    answer: json(explanationSchema),
    errors: [...BODY_ERRORS, 'model_not_found', ...GIVEN_ERRORS, ...DATASET_ERRORS],
  },
  {
    method: 'get',
    path: '/api/requests',
    id: 'listRequests',
    tag: 'Testing',
    summary: 'The latest requests, with what matched',
    query: requestsQuerySchema,
    answer: json(requestListSchema),
    errors: ['invalid_type', 'integer_below_min_value', 'integer_above_max_value', 'journal_off'],
  },
  {
    method: 'delete',
    path: '/api/requests',
    id: 'clearRequests',
    tag: 'Testing',
    summary: 'Removes the requests of a test, or all',
    parameters: [testId],
    answer: json(clearedSchema),
    errors: ['invalid_type', 'journal_off'],
  },
  {
    method: 'get',
    path: '/api/requests/stream',
    id: 'streamRequests',
    tag: 'Testing',
    summary: 'Each request from now on, as server-sent events',
    parameters: [testId],
    answer: { 'text/event-stream': recordedRequestSchema },
    refusesHead: true,
    errors: ['invalid_type', 'journal_off'],
  },
  {
    ...legacyCompletion,
    path: '/api/v1/chat/completion',
    id: 'legacyCompletion',
    summary: 'The recorded reply to a text, without the cache',
  },
  {
    ...legacyCompletion,
    path: '/api/v1/chat/completion/v1',
    id: 'legacyCachedCompletion',
    summary: 'The recorded reply to a text, through the cache',
  },
  {
    method: 'get',
    path: '/api/v1/chat/api/benchmarks',
    id: 'legacyBenchmark',
    tag: 'Legacy API',
    summary: 'The time that 100 requests take, one after the other',
    refusesHead: true,
    parameters: [
      {
        name: 'path',
        in: 'query',
        schema: { enum: ['/completion', '/completion/v1'], default: '/completion' },
        description: 'The path of these requests.',
      },
    ],
    answer: json(legacyBenchmarkSchema),
    errors: ['invalid_value', 'benchmark_running', 'benchmark_failed'],
  },
] as const satisfies readonly Described[];

/** The name of an operation. */
export type OperationId = (typeof TABLE)[number]['id'];

/** A method of a path, with a name that is in the table. */
export interface Operation extends Described {
  readonly id: OperationId;
}

/** Every operation, in the order of the document. */
export const OPERATIONS: readonly Operation[] = TABLE;

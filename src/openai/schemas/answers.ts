/**
 * The server's responses, for the document at `/openapi.json`. The server doesn't validate with these schemas: a test validates responses
 * against them.
 */

/** Fields that several responses have. */
export const count = { type: 'integer', minimum: 0 } as const;
export const id = { type: 'string' } as const;
export const created = { type: 'integer', description: 'Seconds since 1970.' } as const;
export const model = {
  type: 'string',
  description: "The request's `model`, or the name of the dataset.",
} as const;
const fingerprint = { type: ['string', 'null'], description: "Identifies the dataset's content." } as const;
const logprobs = { type: 'null', description: 'A recorded reply has no log probabilities.' } as const;
const reasons = ['stop', 'length', 'tool_calls'] as const;
const finishReason = { enum: reasons } as const;
const finishReasonOfChunk = { enum: [...reasons, null], description: 'Null until the last chunk.' } as const;

const toolFunction = {
  type: 'object',
  properties: { name: { type: 'string' }, arguments: { type: 'string', description: 'JSON.' } },
} as const;

const toolCall = {
  type: 'object',
  required: ['id', 'type', 'function'],
  properties: {
    id,
    type: { const: 'function' },
    function: { ...toolFunction, required: ['name', 'arguments'] },
  },
} as const;

const toolCallOfChunk = {
  type: 'object',
  description: 'The first chunk of a call has its id and its name; the arguments follow in pieces.',
  required: ['index', 'function'],
  properties: { index: count, id, type: { const: 'function' }, function: toolFunction },
} as const;

const usage = {
  $id: 'Usage',
  type: 'object',
  description: 'Token counts, exact or estimated (setting `USAGE`).',
  required: [
    'prompt_tokens',
    'completion_tokens',
    'total_tokens',
    'prompt_tokens_details',
    'completion_tokens_details',
  ],
  properties: {
    prompt_tokens: count,
    completion_tokens: count,
    total_tokens: count,
    prompt_tokens_details: {
      type: 'object',
      required: ['cached_tokens', 'audio_tokens'],
      properties: { cached_tokens: count, audio_tokens: count },
    },
    completion_tokens_details: {
      type: 'object',
      required: [
        'reasoning_tokens',
        'audio_tokens',
        'accepted_prediction_tokens',
        'rejected_prediction_tokens',
      ],
      properties: {
        reasoning_tokens: { ...count, description: 'Those of `completion_tokens` that are reasoning.' },
        audio_tokens: count,
        accepted_prediction_tokens: count,
        rejected_prediction_tokens: count,
      },
    },
  },
} as const;

const usageOfChunk = {
  oneOf: [usage, { type: 'null' }],
  description:
    'Present if `include_usage` is set. Only the last chunk has the usage, the others null, unless `continuous_usage_stats` is set.',
} as const;

/** The body of `POST /v1/chat/completions`. */
export const chatCompletionSchema = {
  $id: 'ChatCompletion',
  type: 'object',
  required: ['id', 'object', 'created', 'model', 'choices', 'usage', 'service_tier', 'system_fingerprint'],
  properties: {
    id,
    object: { const: 'chat.completion' },
    created,
    model,
    choices: {
      type: 'array',
      items: {
        type: 'object',
        required: ['index', 'message', 'logprobs', 'finish_reason'],
        properties: {
          index: count,
          message: {
            type: 'object',
            required: ['role', 'content', 'refusal', 'annotations'],
            properties: {
              role: { const: 'assistant' },
              content: { type: ['string', 'null'], description: 'The recorded reply.' },
              reasoning_content: {
                type: 'string',
                description: 'Present if reasoning is recorded apart from the reply.',
              },
              tool_calls: {
                type: 'array',
                items: toolCall,
                description: 'Present if the recorded reply has function calls.',
              },
              refusal: { type: 'null' },
              annotations: { type: 'array', maxItems: 0 },
            },
          },
          logprobs,
          finish_reason: finishReason,
        },
      },
    },
    usage,
    service_tier: { const: 'default' },
    system_fingerprint: fingerprint,
  },
} as const;

/** A stored chat completion. */
export const storedChatSchema = {
  ...chatCompletionSchema,
  $id: 'StoredChatCompletion',
  required: [...chatCompletionSchema.required, 'metadata'],
  properties: {
    ...chatCompletionSchema.properties,
    metadata: { type: 'object', additionalProperties: { type: 'string' } },
  },
} as const;

const pageProperties = {
  object: { const: 'list' },
  first_id: { type: 'string', description: 'Empty if the list is.' },
  last_id: { type: 'string', description: 'Empty if the list is.' },
  has_more: { type: 'boolean' },
} as const;
const pageFields = ['object', 'data', 'first_id', 'last_id', 'has_more'] as const;

/** The body of `GET /v1/chat/completions`. */
export const storedChatListSchema = {
  $id: 'StoredChatCompletionList',
  type: 'object',
  required: pageFields,
  properties: { ...pageProperties, data: { type: 'array', items: storedChatSchema } },
} as const;

/** The body of `GET /v1/chat/completions/{id}/messages`. */
export const storedMessageListSchema = {
  $id: 'StoredMessageList',
  type: 'object',
  required: pageFields,
  properties: {
    ...pageProperties,
    data: {
      type: 'array',
      items: {
        type: 'object',
        required: ['id', 'role', 'content', 'name', 'content_parts'],
        description: 'A message of the request, with all its fields.',
      },
    },
  },
} as const;

const deleted = (object: string) => ({
  type: 'object',
  required: ['object', 'id', 'deleted'],
  properties: { object: { const: object }, id, deleted: { const: true } },
});

/** The body of `DELETE /v1/chat/completions/{id}`. */
export const deletedChatSchema = { $id: 'DeletedChatCompletion', ...deleted('chat.completion.deleted') };

/** The body of `DELETE /v1/models/{id}`. */
export const deletedModelSchema = { $id: 'DeletedModel', ...deleted('model') };

/** The data of one event of a streamed chat completion. */
export const chatChunkSchema = {
  $id: 'ChatCompletionChunk',
  type: 'object',
  required: ['id', 'object', 'created', 'model', 'service_tier', 'system_fingerprint', 'choices'],
  properties: {
    id,
    object: { const: 'chat.completion.chunk' },
    created,
    model,
    service_tier: { const: 'default' },
    system_fingerprint: fingerprint,
    choices: {
      type: 'array',
      items: {
        type: 'object',
        required: ['index', 'delta', 'logprobs', 'finish_reason'],
        properties: {
          index: count,
          delta: {
            type: 'object',
            properties: {
              role: { const: 'assistant' },
              content: { type: ['string', 'null'], description: 'The next piece of the reply.' },
              reasoning_content: {
                type: 'string',
                description: 'The next piece of the reasoning, which comes before the reply.',
              },
              tool_calls: { type: 'array', items: toolCallOfChunk },
              refusal: { type: 'null' },
            },
          },
          logprobs,
          finish_reason: finishReasonOfChunk,
        },
      },
    },
    usage: usageOfChunk,
  },
} as const;

const completionProperties = {
  id,
  object: { const: 'text_completion' },
  created,
  model,
  system_fingerprint: fingerprint,
} as const;

const completionChoices = (finish_reason: object) => ({
  type: 'array',
  items: {
    type: 'object',
    required: ['text', 'index', 'logprobs', 'finish_reason'],
    properties: { text: { type: 'string' }, index: count, logprobs, finish_reason },
  },
});

/** The body of `POST /v1/completions`. */
export const completionAnswerSchema = {
  $id: 'Completion',
  type: 'object',
  required: ['id', 'object', 'created', 'model', 'system_fingerprint', 'choices', 'usage'],
  properties: { ...completionProperties, choices: completionChoices(finishReason), usage },
} as const;

/** The data of one event of a streamed completion. */
export const completionChunkSchema = {
  $id: 'CompletionChunk',
  type: 'object',
  required: ['id', 'object', 'created', 'model', 'system_fingerprint', 'choices'],
  properties: {
    ...completionProperties,
    choices: completionChoices(finishReasonOfChunk),
    usage: usageOfChunk,
  },
} as const;

/** The body of `POST /v1/embeddings`. */
export const embeddingListSchema = {
  $id: 'EmbeddingList',
  type: 'object',
  required: ['object', 'data', 'model', 'usage'],
  properties: {
    object: { const: 'list' },
    data: {
      type: 'array',
      items: {
        type: 'object',
        required: ['object', 'index', 'embedding'],
        properties: {
          object: { const: 'embedding' },
          index: count,
          embedding: {
            type: ['array', 'string'],
            items: { type: 'number' },
            description: 'A vector of length 1: numbers, or 32-bit floats in base64.',
          },
        },
      },
    },
    model,
    usage: {
      type: 'object',
      required: ['prompt_tokens', 'total_tokens'],
      properties: { prompt_tokens: count, total_tokens: count },
    },
  },
} as const;

/** The body of `GET /v1/models/{id}`. */
export const modelSchema = {
  $id: 'Model',
  type: 'object',
  required: ['id', 'object', 'created', 'owned_by', 'root', 'parent', 'max_model_len'],
  properties: {
    id,
    object: { const: 'model' },
    created: { type: 'integer', description: "The dataset's last change, in seconds since 1970." },
    owned_by: { type: 'string' },
    root: { type: 'string', description: 'The name of the dataset.' },
    parent: { type: 'null' },
    max_model_len: count,
  },
} as const;

/** The body of `GET /v1/models`. */
export const modelListSchema = {
  $id: 'ModelList',
  type: 'object',
  required: ['object', 'data'],
  properties: { object: { const: 'list' }, data: { type: 'array', items: modelSchema } },
} as const;

/** The body of `GET /health`. */
export const healthSchema = {
  $id: 'Health',
  type: 'object',
  required: ['status'],
  properties: { status: { const: 'ok' } },
} as const;

/** The body of `GET /ready`. */
export const readySchema = {
  $id: 'Ready',
  type: 'object',
  required: ['status', 'engine', 'progress', 'conversations', 'turns', 'skipped'],
  properties: {
    status: { const: 'ready' },
    engine: { enum: ['sweep', 'index', 'store'], description: 'The engine that currently answers.' },
    progress: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      description: 'The part of the dataset that has been read.',
    },
    conversations: { ...count, description: 'Those in the part that has been read.' },
    turns: count,
    skipped: { ...count, description: 'Records that are not served. The log has the reason.' },
    store: { enum: ['up', 'away'], description: 'Whether `STORE` can be reached, if it is set.' },
    models: {
      type: 'array',
      items: { type: 'object', required: ['id', 'status'] },
      description: 'The same for each model, if there are several. A 503 has them, too, next to the error.',
    },
  },
} as const;

/** The body of `GET /`, as JSON. */
export const homeSchema = {
  $id: 'Home',
  type: 'object',
  required: ['name', 'version', 'description', 'links'],
  properties: {
    name: { const: 'verbatim' },
    version: { type: 'string' },
    description: { type: 'string' },
    models: {
      type: 'array',
      items: {
        type: 'object',
        required: ['id', 'status', 'engine', 'progress', 'conversations', 'turns', 'skipped'],
      },
      description: 'The dataset of each model. If the server requires keys, absent without an accepted one.',
    },
    problem: { type: 'string', description: 'Why `models` is absent: the key is missing or wrong.' },
    try: {
      type: 'object',
      required: ['what', 'curl'],
      description:
        'A prompt that has a reply; absent if none is known. Without an accepted key: a request that lists the models.',
      properties: { what: { type: 'string' }, prompt: { type: 'string' }, curl: { type: 'string' } },
    },
    links: { type: 'object', additionalProperties: { type: 'string' } },
  },
} as const;

/** The body of `GET /version`. */
export const versionSchema = {
  $id: 'Version',
  type: 'object',
  required: ['version'],
  properties: { version: { type: 'string' } },
} as const;

/** The body of `POST /tokenize`. */
export const tokenListSchema = {
  $id: 'TokenList',
  type: 'object',
  required: ['count', 'max_model_len', 'tokens', 'token_strs'],
  properties: {
    count,
    max_model_len: count,
    tokens: { type: 'array', items: count, description: 'Token ids of the setting `TOKENIZER`.' },
    token_strs: {
      type: ['array', 'null'],
      items: { type: 'string' },
      description: 'The text of each token; null unless `return_token_strs` is set.',
    },
  },
} as const;

/** The body of `POST /detokenize`. */
export const tokenTextSchema = {
  $id: 'TokenText',
  type: 'object',
  required: ['prompt'],
  properties: { prompt: { type: 'string', description: 'The text of the tokens.' } },
} as const;

/** The body of a completion of the legacy API. The three r's are its wire format. */
export const legacyAnswerSchema = {
  $id: 'LegacyCompletion',
  type: 'object',
  required: ['data'],
  properties: {
    data: {
      oneOf: [
        {
          type: 'object',
          required: ['success', 'response'],
          properties: {
            success: { const: true },
            response: {
              type: 'object',
              required: ['from', 'value'],
              properties: { from: { type: 'string' }, value: { type: 'string' } },
            },
          },
        },
        {
          type: 'object',
          required: ['success', 'errror'],
          properties: { success: { const: false }, errror: { type: 'string' } },
        },
      ],
    },
  },
} as const;

/** The body of the legacy API's benchmark. */
export const legacyBenchmarkSchema = {
  $id: 'LegacyBenchmark',
  type: 'object',
  required: ['requests_per_minute', 'avg_latency_in_seconds'],
  properties: {
    requests_per_minute: { type: 'string', pattern: '^\\d+\\.\\d{2}$' },
    avg_latency_in_seconds: { type: 'string', pattern: '^\\d+\\.\\d{6}$' },
  },
} as const;

/** OpenAI's error object. */
export const errorSchema = {
  $id: 'Error',
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['message', 'type', 'param', 'code'],
      properties: {
        message: { type: 'string' },
        type: { enum: ['invalid_request_error', 'requests', 'server_error'] },
        param: { type: ['string', 'null'], description: 'The path of the invalid field.' },
        code: { type: ['string', 'null'] },
      },
    },
  },
} as const;

/** An error of the legacy API. */
export const legacyErrorSchema = {
  $id: 'LegacyError',
  type: 'object',
  required: ['detail'],
  properties: { detail: { type: 'string' } },
} as const;

/** The legacy API's response to an invalid request. */
export const legacyInvalidSchema = {
  $id: 'LegacyValidationError',
  type: 'object',
  required: ['detail'],
  properties: {
    detail: {
      type: 'array',
      items: {
        type: 'object',
        required: ['type', 'loc', 'msg'],
        properties: {
          type: { type: 'string' },
          loc: { type: 'array', items: { type: 'string' }, description: 'The path of the invalid field.' },
          msg: { type: 'string' },
          ctx: {
            type: 'object',
            required: ['error'],
            properties: { error: { type: 'string' } },
          },
        },
      },
    },
  },
} as const;

/**
 * The server's responses in Anthropic's format, for the document at `/openapi.json`. The server doesn't validate with these schemas: a test
 * validates responses against them.
 */

const count = { type: 'integer', minimum: 0 } as const;
const string = { type: 'string' } as const;
const nullableString = { type: ['string', 'null'] } as const;

const cached = { cache_creation_input_tokens: count, cache_read_input_tokens: count } as const;

const usage = {
  $id: 'MessageUsage',
  type: 'object',
  description: 'Token counts, exact or estimated (setting `USAGE`).',
  required: ['input_tokens', 'output_tokens', ...Object.keys(cached)],
  properties: {
    input_tokens: count,
    output_tokens: count,
    ...cached,
    cache_creation: {
      type: 'object',
      properties: { ephemeral_5m_input_tokens: count, ephemeral_1h_input_tokens: count },
    },
    output_tokens_details: { type: 'object', properties: { thinking_tokens: count } },
    service_tier: { const: 'standard' },
  },
} as const;

const stop = {
  stop_reason: {
    enum: ['end_turn', 'max_tokens', 'stop_sequence', 'tool_use', null],
    description: 'Null until the end of a stream.',
  },
  stop_sequence: { ...nullableString, description: 'The stop sequence that ended the reply.' },
} as const;

const block = {
  $id: 'AnswerBlock',
  oneOf: [
    {
      type: 'object',
      required: ['type', 'text'],
      properties: { type: { const: 'text' }, text: string },
    },
    {
      type: 'object',
      required: ['type', 'thinking', 'signature'],
      properties: { type: { const: 'thinking' }, thinking: string, signature: string },
    },
    {
      type: 'object',
      required: ['type', 'id', 'name', 'input'],
      properties: { type: { const: 'tool_use' }, id: string, name: string, input: { type: 'object' } },
    },
  ],
} as const;

/** The body of `POST /v1/messages`. */
export const messageSchema = {
  $id: 'Message',
  type: 'object',
  required: ['id', 'type', 'role', 'model', 'content', 'stop_reason', 'stop_sequence', 'usage'],
  properties: {
    id: string,
    type: { const: 'message' },
    role: { const: 'assistant' },
    model: { ...string, description: "The request's `model`." },
    content: { type: 'array', items: block },
    ...stop,
    usage,
  },
} as const;

const event = (type: string, properties: Readonly<Record<string, object>> = {}) =>
  ({
    type: 'object',
    required: ['type', ...Object.keys(properties)],
    properties: { type: { const: type }, ...properties },
  }) as const;

const delta = (type: string, field: string) =>
  ({
    type: 'object',
    required: ['type', field],
    properties: { type: { const: type }, [field]: string },
  }) as const;

/** An event of a stream of `POST /v1/messages`. */
export const messageEventSchema = {
  $id: 'MessageEvent',
  oneOf: [
    event('message_start', { message: messageSchema }),
    event('content_block_start', { index: count, content_block: block }),
    event('ping'),
    event('content_block_delta', {
      index: count,
      delta: {
        oneOf: [
          delta('text_delta', 'text'),
          delta('thinking_delta', 'thinking'),
          delta('signature_delta', 'signature'),
          delta('input_json_delta', 'partial_json'),
        ],
      },
    }),
    event('content_block_stop', { index: count }),
    event('message_delta', {
      delta: { type: 'object', required: Object.keys(stop), properties: stop },
      usage,
    }),
    event('message_stop'),
  ],
} as const;

/** The body of `POST /v1/messages/count_tokens`. */
export const tokenCountSchema = {
  $id: 'MessageTokenCount',
  type: 'object',
  required: ['input_tokens'],
  properties: { input_tokens: count },
} as const;

/** A model, as `GET /v1/models/{id}` returns it. */
export const anthropicModelSchema = {
  $id: 'AnthropicModel',
  type: 'object',
  required: ['type', 'id', 'display_name', 'created_at'],
  properties: {
    type: { const: 'model' },
    id: string,
    display_name: string,
    created_at: { ...string, description: 'When the dataset last changed.' },
    max_input_tokens: count,
  },
} as const;

/** The body of `GET /v1/models`. */
export const anthropicModelListSchema = {
  $id: 'AnthropicModelList',
  type: 'object',
  required: ['data', 'has_more', 'first_id', 'last_id'],
  properties: {
    data: { type: 'array', items: anthropicModelSchema },
    has_more: { const: false },
    first_id: nullableString,
    last_id: nullableString,
  },
} as const;

/** The body of an error. */
export const anthropicErrorSchema = {
  $id: 'AnthropicError',
  type: 'object',
  required: ['type', 'error', 'request_id'],
  properties: {
    type: { const: 'error' },
    error: {
      type: 'object',
      required: ['type', 'message'],
      properties: { type: string, message: string },
    },
    request_id: string,
  },
} as const;

/** The responses of the Responses API, for the document at `/openapi.json`; see `answers.ts` for the others. */

import { count, created, id, model } from './answers.js';

/** The body of `POST /v1/responses/input_tokens`. */
export const inputTokensSchema = {
  $id: 'InputTokens',
  type: 'object',
  required: ['object', 'input_tokens'],
  properties: { object: { const: 'response.input_tokens' }, input_tokens: count },
} as const;

const text = { type: 'string' } as const;
const optionalText = { type: ['string', 'null'] } as const;
const optionalCount = { type: ['integer', 'null'], minimum: 0 } as const;
const none = { type: 'array', maxItems: 0 } as const;
const status = { enum: ['in_progress', 'completed', 'incomplete'] } as const;

const textPart = {
  $id: 'ResponseText',
  type: 'object',
  required: ['type', 'text', 'annotations', 'logprobs'],
  properties: { type: { const: 'output_text' }, text, annotations: none, logprobs: none },
} as const;

const message = {
  $id: 'ResponseMessage',
  type: 'object',
  required: ['id', 'type', 'status', 'role', 'content'],
  properties: {
    id,
    type: { const: 'message' },
    status,
    role: { const: 'assistant' },
    content: { type: 'array', items: textPart },
  },
} as const;

const call = {
  $id: 'ResponseFunctionCall',
  type: 'object',
  required: ['id', 'type', 'status', 'call_id', 'name', 'arguments'],
  properties: {
    id,
    type: { const: 'function_call' },
    status,
    call_id: id,
    name: text,
    arguments: { type: 'string', description: 'JSON.' },
  },
} as const;

const reasoningPart = {
  $id: 'ResponseReasoningText',
  type: 'object',
  required: ['type', 'text'],
  properties: { type: { const: 'reasoning_text' }, text },
} as const;

const summaryPart = {
  $id: 'ResponseSummaryText',
  type: 'object',
  required: ['type', 'text'],
  properties: { type: { const: 'summary_text' }, text },
} as const;

const reasoning = {
  $id: 'ResponseReasoning',
  type: 'object',
  description:
    'Reasoning that is recorded apart from the reply. It is a summary if the request has `reasoning.summary`, else content.',
  required: ['id', 'type', 'summary'],
  properties: {
    id,
    type: { const: 'reasoning' },
    summary: { type: 'array', items: summaryPart },
    content: { type: 'array', items: reasoningPart },
  },
} as const;

const outputItem = { oneOf: [reasoning, message, call] } as const;

const usage = {
  $id: 'ResponseUsage',
  type: 'object',
  description: 'Token counts, exact or estimated (setting `USAGE`).',
  required: [
    'input_tokens',
    'input_tokens_details',
    'output_tokens',
    'output_tokens_details',
    'total_tokens',
  ],
  properties: {
    input_tokens: count,
    input_tokens_details: {
      type: 'object',
      required: ['cached_tokens', 'cache_write_tokens'],
      properties: { cached_tokens: count, cache_write_tokens: count },
    },
    output_tokens: count,
    output_tokens_details: {
      type: 'object',
      required: ['reasoning_tokens'],
      properties: { reasoning_tokens: count },
    },
    total_tokens: count,
  },
} as const;

/** The body of `POST /v1/responses/compact`. */
export const compactedSchema = {
  $id: 'CompactedResponse',
  type: 'object',
  required: ['id', 'object', 'created_at', 'output', 'usage'],
  properties: {
    id,
    object: { const: 'response.compaction' },
    created_at: created,
    output: {
      type: 'array',
      items: {
        type: 'object',
        required: ['id', 'type', 'encrypted_content'],
        properties: { id, type: { const: 'compaction' }, encrypted_content: text },
      },
      description: 'One item, in place of the whole conversation.',
    },
    usage,
  },
} as const;

const properties = {
  id,
  object: { const: 'response' },
  created_at: created,
  completed_at: { type: ['integer', 'null'], description: 'Null unless the response is completed.' },
  status: {
    ...status,
    description: '`incomplete` if the reply was cut. `in_progress` is only in events of a stream.',
  },
  background: { type: 'boolean' },
  error: { type: 'null' },
  incomplete_details: {
    type: ['object', 'null'],
    required: ['reason'],
    properties: { reason: { const: 'max_output_tokens' } },
  },
  model,
  output: {
    type: 'array',
    items: outputItem,
    description: 'The recorded reply: a message, function calls, or both, after the reasoning.',
  },
  instructions: optionalText,
  max_output_tokens: optionalCount,
  max_tool_calls: optionalCount,
  parallel_tool_calls: { type: 'boolean' },
  previous_response_id: optionalText,
  prompt_cache_key: optionalText,
  reasoning: {
    type: 'object',
    required: ['effort', 'summary'],
    properties: { effort: optionalText, summary: optionalText },
  },
  safety_identifier: optionalText,
  store: { type: 'boolean' },
  temperature: { type: 'number' },
  text: {
    type: 'object',
    required: ['format', 'verbosity'],
    properties: { format: { type: 'object', required: ['type'] }, verbosity: text },
  },
  tool_choice: { type: ['string', 'object'] },
  tools: { type: 'array', items: { type: 'object' } },
  top_logprobs: count,
  top_p: { type: 'number' },
  truncation: { enum: ['auto', 'disabled'] },
  user: optionalText,
  metadata: { type: 'object', additionalProperties: text },
  presence_penalty: { const: 0 },
  frequency_penalty: { const: 0 },
  service_tier: { const: 'default' },
  usage: { oneOf: [usage, { type: 'null' }], description: 'Null while the response is in progress.' },
} as const;

/** The body of `POST /v1/responses`, and of `GET /v1/responses/{id}`. */
export const responseSchema = {
  $id: 'Response',
  type: 'object',
  description: 'The response; it echoes the parameters of its request.',
  required: Object.keys(properties),
  properties,
} as const;

/** A response in a given state; it has no output until it is completed. */
function responseThatIs(state: (typeof status.enum)[number]): object {
  const isThrough = state !== 'in_progress';
  const output = isThrough ? { minItems: 1 } : { maxItems: 0 };
  const known = isThrough ? { type: 'object' } : { type: 'null' };
  return { allOf: [responseSchema, { properties: { status: { const: state }, output, usage: known } }] };
}

function event(type: string, fields: Readonly<Record<string, object>>): object {
  const properties = {
    type: { const: type },
    ...fields,
    sequence_number: { ...count, description: 'The index of the event in the stream, from 0.' },
  };
  return { type: 'object', title: type, required: Object.keys(properties), properties };
}

const item = { output_index: count, item: outputItem };
const placeOfCall = { item_id: id, output_index: count };
const place = { ...placeOfCall, content_index: count };
const placeOfSummary = { ...placeOfCall, summary_index: count };
const contentPart = { oneOf: [textPart, reasoningPart] };
const reasoningPiece = { type: 'string', description: 'The next piece of the reasoning.' };

/** The data of one event of a streamed response. */
export const responseEventSchema = {
  $id: 'ResponseEvent',
  oneOf: [
    event('response.created', { response: responseThatIs('in_progress') }),
    event('response.in_progress', { response: responseThatIs('in_progress') }),
    event('response.output_item.added', item),
    event('response.reasoning_summary_part.added', { ...placeOfSummary, part: summaryPart }),
    event('response.reasoning_summary_text.delta', { ...placeOfSummary, delta: reasoningPiece }),
    event('response.reasoning_summary_text.done', { ...placeOfSummary, text }),
    event('response.reasoning_summary_part.done', { ...placeOfSummary, part: summaryPart }),
    event('response.reasoning_text.delta', { ...place, delta: reasoningPiece }),
    event('response.reasoning_text.done', { ...place, text }),
    event('response.content_part.added', { ...place, part: contentPart }),
    event('response.output_text.delta', {
      ...place,
      delta: { type: 'string', description: 'The next piece of the reply.' },
      logprobs: none,
    }),
    event('response.output_text.done', { ...place, text, logprobs: none }),
    event('response.content_part.done', { ...place, part: contentPart }),
    event('response.function_call_arguments.delta', {
      ...placeOfCall,
      delta: { type: 'string', description: 'The next piece of the arguments.' },
    }),
    event('response.function_call_arguments.done', { ...placeOfCall, name: text, arguments: text }),
    event('response.output_item.done', item),
    event('response.completed', { response: responseThatIs('completed') }),
    event('response.incomplete', { response: responseThatIs('incomplete') }),
  ],
} as const;

/** The body of `DELETE /v1/responses/{id}`. */
export const deletedResponseSchema = {
  $id: 'DeletedResponse',
  type: 'object',
  required: ['id', 'object', 'deleted'],
  properties: { id, object: { const: 'response' }, deleted: { const: true } },
} as const;

/** The body of `GET /v1/responses/{id}/input_items`. */
export const inputItemListSchema = {
  $id: 'InputItemList',
  type: 'object',
  required: ['object', 'data', 'first_id', 'last_id', 'has_more'],
  properties: {
    object: { const: 'list' },
    data: {
      type: 'array',
      description:
        'The items as they were sent, except that texts are lists of parts and every item has an id.',
      items: { type: 'object', required: ['id', 'type', 'status'] },
    },
    first_id: { type: 'string', description: 'Empty if there are no items.' },
    last_id: { type: 'string', description: 'Empty if there are no items.' },
    has_more: { type: 'boolean', description: 'True if more items follow.' },
  },
} as const;

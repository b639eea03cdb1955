import { ECHOED_LENGTH_MAX, MESSAGES_MAX, TEXT_LENGTH_MAX } from '../../core/limits.js';
import {
  content,
  ignored,
  LIMIT_STRICTNESS,
  labelField,
  limitField,
  metadataField,
  modelField,
  namedSchema,
  samplingFields,
} from './common.js';

const ECHOED = 'Echoed; has no other effect.';

/** Fields that a response repeats from the request. */
const echoed = {
  boolean: { type: ['boolean', 'null'], description: ECHOED },
  label: { ...labelField, description: ECHOED },
} as const;

/** An item that is a message, which needn't have a type. */
export const messageItemSchema = {
  type: 'object',
  required: ['role', 'content'],
  properties: {
    role: {
      enum: ['user', 'assistant', 'system', 'developer'],
      description:
        'Who speaks. System and developer messages are left out where the dataset does not have them.',
    },
    content,
  },
} as const;

/** The output of a function call. */
export const functionOutputSchema = {
  type: 'object',
  required: ['call_id', 'output'],
  properties: {
    call_id: { ...labelField, type: 'string', description: 'Decides nothing.' },
    output: content,
  },
} as const;

const referenceSchema = {
  required: ['id'],
  properties: {
    id: { ...labelField, type: 'string', description: 'Of an item of a response that is kept.' },
  },
} as const;

/** Items with a type. */
const typed = <Type extends string>(type: Type) =>
  ({ required: ['type'], properties: { type: { const: type } } }) as const;

/** An item of an input. */
export const itemSchema = {
  $id: 'InputItem',
  type: 'object',
  properties: {
    type: {
      type: ['string', 'null'],
      description:
        'Without one, the item is a message. A `function_call_output` counts as one, and so do `function_call`s in a row; an `item_reference` as the item that it names, if that is kept, and once. Other types have no text to look up, and are passed over.',
    },
    id: { ...labelField, description: 'Kept; without one, the item gets one.' },
  },
  // biome-ignore-start lint/suspicious/noThenProperty: JSON Schema's word.
  allOf: [
    { if: { properties: { type: { enum: ['message', null] } } }, then: messageItemSchema },
    { if: typed('function_call_output'), then: functionOutputSchema },
    { if: typed('item_reference'), then: referenceSchema },
  ],
  // biome-ignore-end lint/suspicious/noThenProperty: JSON Schema's word.
} as const;

/** The input of a response. */
export const inputField = {
  type: ['string', 'array'],
  maxLength: TEXT_LENGTH_MAX,
  minItems: 1,
  maxItems: MESSAGES_MAX,
  items: itemSchema,
  description:
    'A text, or a list of items. The last message is looked up, in the context of those before it. Texts decide, roles do not; empty messages are passed over, and so is an assistant message at the end.',
} as const;

/** The body of `POST /v1/responses`. Fields that aren't listed here are accepted and ignored. */
export const responsesSchema = {
  $id: 'CreateResponseRequest',
  type: 'object',
  required: ['input'],
  properties: {
    input: inputField,
    instructions: {
      type: ['string', 'null'],
      maxLength: ECHOED_LENGTH_MAX,
      description:
        'A system message in front of all others, echoed. A response that continues this one does not have it.',
    },
    previous_response_id: {
      ...labelField,
      // Validating a length would need a library.
      not: { const: '' },
      description:
        'The response that is continued: its input and output, and those of the responses that it continued, go before the input.',
    },
    store: {
      type: ['boolean', 'null'],
      description:
        'False if the response shall not be kept. Else it can be continued, retrieved and deleted, until room is needed for newer ones.',
    },
    stream: {
      type: ['boolean', 'null'],
      description: 'True for the reply in pieces, as server-sent events.',
    },
    stream_options: {
      type: ['object', 'null'],
      description: ignored.object.description,
      properties: { include_obfuscation: ignored.boolean },
    },
    ...modelField,
    max_output_tokens: {
      ...limitField,
      minimum: 1,
      description: `Tokens of the reply at most; a response with a longer one is \`incomplete\`. ${LIMIT_STRICTNESS}`,
    },
    temperature: { ...samplingFields.temperature, description: ECHOED },
    top_p: { ...samplingFields.top_p, description: ECHOED },
    top_logprobs: {
      type: ['integer', 'null'],
      minimum: 0,
      maximum: 20,
      description: 'Echoed; a recorded reply has no probabilities: `logprobs` is empty.',
    },
    tools: {
      type: ['array', 'null'],
      items: {
        type: 'object',
        properties: {
          type: {
            type: ['string', 'null'],
            description: 'A `function` is echoed with all of its fields; those it lacks are null.',
          },
        },
      },
      description:
        'Echoed, and decide nothing: a recorded function call is given whether its tool is named or not.',
    },
    tool_choice: {
      type: ['string', 'object', 'null'],
      if: { type: 'string' },
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema's word.
      then: { enum: ['none', 'auto', 'required'] },
      description:
        'Echoed. With `none`, a recorded function call is given as a text. Else it has no other effect.',
    },
    parallel_tool_calls: echoed.boolean,
    max_tool_calls: { type: ['integer', 'null'], minimum: 0, description: ECHOED },
    text: {
      type: ['object', 'null'],
      properties: {
        format: {
          type: ['object', 'null'],
          required: ['type'],
          properties: {
            type: { enum: ['text', 'json_object', 'json_schema'], description: ECHOED },
          },
          if: { required: ['type'], properties: { type: { const: 'json_schema' } } },
          // biome-ignore lint/suspicious/noThenProperty: JSON Schema's word.
          then: { required: ['name', 'schema'], properties: namedSchema },
          description: ECHOED,
        },
        verbosity: echoed.label,
      },
      description: ECHOED,
    },
    reasoning: {
      type: ['object', 'null'],
      properties: { effort: echoed.label, summary: echoed.label },
      description: ECHOED,
    },
    truncation: {
      type: ['string', 'null'],
      description: ECHOED,
      if: { type: 'string' },
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema's word.
      then: { enum: ['auto', 'disabled'] },
    },
    metadata: { ...metadataField, description: ECHOED },
    user: echoed.label,
    safety_identifier: echoed.label,
    prompt_cache_key: echoed.label,
    prompt_cache_retention: ignored.string,
    prompt_cache_options: ignored.object,
    service_tier: { type: ['string', 'null'], description: 'Accepted; the answer says `default`.' },
    include: { ...ignored.array, items: { type: 'string' } },
    background: {
      type: ['boolean', 'null'],
      not: { const: true },
      description: 'True is refused: nothing runs in the background, the answer is there at once.',
    },
    prompt: {
      type: ['object', 'null'],
      not: { type: 'object' },
      description: 'Refused: prompts that are kept at OpenAI are not known here.',
    },
    conversation: {
      type: ['string', 'object', 'null'],
      description: 'Accepted, has no effect: `previous_response_id` continues a response.',
    },
    context_management: ignored.array,
    moderation: ignored.object,
  },
} as const;

/** The query of `GET /v1/responses/{id}`. */
export const retrieveSchema = {
  $id: 'RetrieveResponseQuery',
  type: 'object',
  properties: {
    stream: { type: 'boolean', description: 'True for the events that a stream of the response has.' },
    starting_after: {
      type: 'integer',
      minimum: 0,
      description: 'Of a stream, only the events with a greater `sequence_number`.',
    },
  },
} as const;

/** The query of `GET /v1/responses/{id}/input_items`. */
export const inputItemsSchema = {
  $id: 'ListInputItemsQuery',
  type: 'object',
  properties: {
    limit: { type: 'integer', minimum: 1, maximum: 100, description: 'Items at most; 20 by default.' },
    order: { type: 'string', enum: ['asc', 'desc'], description: 'The last item comes first, unless `asc`.' },
    after: { type: 'string', description: 'The id of the item behind which the list begins.' },
  },
} as const;

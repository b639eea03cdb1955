import { ECHOED_LENGTH_MAX, LABEL_LENGTH_MAX, MESSAGES_MAX, TEXT_LENGTH_MAX } from '../../core/limits.js';
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
        'The role. If the dataset does not have the system and developer messages, they are ignored.',
    },
    content,
  },
} as const;

/** The output of a function call. */
export const functionOutputSchema = {
  type: 'object',
  required: ['call_id', 'output'],
  properties: {
    call_id: {
      ...labelField,
      type: 'string',
      description: 'The id of the call. Results are looked up in the order of their calls, too.',
    },
    output: content,
  },
} as const;

const referenceSchema = {
  required: ['id'],
  properties: {
    id: { ...labelField, type: 'string', description: 'The id of an item of a stored response.' },
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
        'The default is `message`. A `function_call_output` is looked up as a message, and so are consecutive `function_call`s together. An `item_reference` is replaced by the stored item that it names, a `compaction` by the messages that it was made of; further references to the same item are ignored, and so are items of other types.',
    },
    id: { ...labelField, description: 'Stored with the item. An item without an id gets one.' },
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
    'A text, or a list of items. The last message is looked up, in the context of those before it. Texts are compared, roles are not. Empty messages are ignored, and so is an assistant message at the end.',
} as const;

/** The body of `POST /v1/responses`. Fields that aren't listed here are accepted and ignored. */
export const responsesSchema = {
  $id: 'CreateResponseRequest',
  type: 'object',
  properties: {
    input: {
      ...inputField,
      type: ['string', 'array', 'null'],
      description: `${inputField.description} Required, unless \`ON_MISS=fallback\` is set.`,
    },
    instructions: {
      type: ['string', 'null'],
      maxLength: ECHOED_LENGTH_MAX,
      description:
        'A system message before all others; echoed. Responses that continue this one do not inherit it.',
    },
    previous_response_id: {
      ...labelField,
      // Validating a length would need a library.
      not: { const: '' },
      description:
        'The response to continue. Its input and output are put before the new input, and before them those of the responses that it continued.',
    },
    store: {
      type: ['boolean', 'null'],
      description:
        'False not to store the response. A stored response can be continued, retrieved and deleted until newer ones evict it.',
    },
    stream: {
      type: ['boolean', 'null'],
      description: 'True to send the reply in pieces, as server-sent events.',
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
      description: `The maximum tokens of the reply. A longer reply is cut, and its response is \`incomplete\`. ${LIMIT_STRICTNESS}`,
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
            description: 'A `function` is echoed with all of its fields; missing ones are null.',
          },
        },
      },
      description:
        'Echoed; not used for the lookup. A recorded function call is returned even if its tool is not listed.',
    },
    tool_choice: {
      type: ['string', 'object', 'null'],
      if: { type: 'string' },
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema's word.
      then: { enum: ['none', 'auto', 'required'] },
      description:
        'Echoed. With `none`, a recorded function call is returned as text. Other values have no further effect.',
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
      description: 'Echoed. The response is completed at once: only one with `background` can be cancelled.',
    },
    prompt: {
      type: ['object', 'null'],
      properties: { id: { ...labelField, type: 'string', description: 'The id of the stored prompt.' } },
      description:
        'With an `input`, it has no effect: prompts that are stored at OpenAI are not available here.',
    },
    conversation: {
      type: ['string', 'object', 'null'],
      maxLength: LABEL_LENGTH_MAX,
      properties: { id: { ...labelField, type: 'string', description: 'The id of the conversation.' } },
      description: 'With an `input`, it has no effect. Use `previous_response_id` to continue a response.',
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
    stream: { type: 'boolean', description: 'True to get the events of the response as a stream.' },
    starting_after: {
      type: 'integer',
      minimum: 0,
      description: 'With `stream`, sends only the events with a greater `sequence_number`.',
    },
  },
} as const;

/** The query of `GET /v1/responses/{id}/input_items`. */
export const inputItemsSchema = {
  $id: 'ListInputItemsQuery',
  type: 'object',
  properties: {
    limit: {
      type: 'integer',
      minimum: 1,
      maximum: 100,
      description: 'The maximum number of items; 20 by default.',
    },
    order: {
      type: 'string',
      enum: ['asc', 'desc'],
      description: '`desc`, the default, begins with the last item; `asc` with the first.',
    },
    after: { type: 'string', description: 'The list begins after the item with this id.' },
  },
} as const;

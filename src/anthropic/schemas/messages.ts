/** The requests of Anthropic's API. Each field's description says what it does. Fields that aren't listed here are accepted and ignored. */

import {
  LABEL_LENGTH_MAX,
  MESSAGES_MAX,
  MODEL_LENGTH_MAX,
  STOP_LENGTH_MAX,
  STOPS_MAX,
  TEXT_LENGTH_MAX,
} from '../../core/limits.js';

const NO_EFFECT = 'Accepted; has no effect on a recorded reply.';

const text = { type: 'string', maxLength: TEXT_LENGTH_MAX } as const;
const object = { type: ['object', 'null'], description: NO_EFFECT } as const;
const string = { type: ['string', 'null'], description: NO_EFFECT } as const;

const isText = { required: ['type'], properties: { type: { const: 'text' } } } as const;

const textBlock = {
  $id: 'TextBlock',
  type: 'object',
  required: ['type'],
  properties: {
    type: { type: 'string', description: '`text`. Blocks of other types are ignored.' },
    text: { ...text, description: 'Required in a block of this type.' },
  },
  if: isText,
  // biome-ignore lint/suspicious/noThenProperty: JSON Schema's word.
  then: { required: ['text'] },
} as const;

const contentBlock = {
  $id: 'ContentBlock',
  type: 'object',
  required: ['type'],
  properties: {
    type: {
      type: 'string',
      description:
        '`text`, `tool_use` or `tool_result`. Blocks of other types (thinking, images, documents and others) are ignored.',
    },
    text: { ...text, description: 'The text. Required in a block of type `text`.' },
    id: {
      type: 'string',
      maxLength: LABEL_LENGTH_MAX,
      description: 'The id of the call, to which its result refers. Required in a block of type `tool_use`.',
    },
    name: {
      type: 'string',
      maxLength: LABEL_LENGTH_MAX,
      description: 'The name of the tool. Required in a block of type `tool_use`.',
    },
    input: {
      type: 'object',
      description: 'The arguments of the call. Required in a block of type `tool_use`.',
    },
    tool_use_id: {
      type: 'string',
      maxLength: LABEL_LENGTH_MAX,
      description: 'The id of the call. Required in a block of type `tool_result`.',
    },
    content: { description: 'In a block of type `tool_result`, the result: a text, or a list of blocks.' },
  },
  allOf: [
    {
      if: isText,
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema's word.
      then: { required: ['text'] },
    },
    {
      if: { required: ['type'], properties: { type: { const: 'tool_use' } } },
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema's word.
      then: { required: ['id', 'name', 'input'] },
    },
    {
      if: { required: ['type'], properties: { type: { const: 'tool_result' } } },
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema's word.
      then: {
        required: ['tool_use_id'],
        properties: {
          content: {
            type: ['string', 'array', 'null'],
            maxLength: TEXT_LENGTH_MAX,
            items: textBlock,
            description: 'A text, or a list of blocks whose texts are joined.',
          },
        },
      },
    },
  ],
} as const;

const message = {
  type: 'object',
  required: ['role', 'content'],
  properties: {
    role: {
      enum: ['user', 'assistant', 'system'],
      description: 'The role. If the dataset does not have the system messages, they are ignored.',
    },
    content: {
      type: ['string', 'array'],
      maxLength: TEXT_LENGTH_MAX,
      items: contentBlock,
      description:
        'A text, or a list of blocks. Texts are joined; a result of a tool is looked up as a message of its own.',
    },
  },
} as const;

/** Fields that both requests have. */
const promptFields = {
  model: {
    type: 'string',
    maxLength: MODEL_LENGTH_MAX,
    description: 'Unless `STRICT_MODELS` is set, any name is accepted, and echoed.',
  },
  messages: {
    type: 'array',
    minItems: 1,
    maxItems: MESSAGES_MAX,
    items: message,
    description:
      'The last message is looked up, in the context of those before it. Texts are compared, roles are not. Empty messages are ignored, and so is an assistant message at the end.',
  },
  system: {
    type: ['string', 'array', 'null'],
    maxLength: TEXT_LENGTH_MAX,
    items: textBlock,
    description:
      'The system message: a text, or a list of blocks whose texts are joined. If the dataset does not have it, it is ignored.',
  },
  tools: {
    type: ['array', 'null'],
    items: { type: 'object' },
    description:
      'Counted in the usage; not used for the lookup. A recorded function call is returned even if its tool is not listed, and is never cut.',
  },
  tool_choice: {
    type: ['object', 'null'],
    required: ['type'],
    properties: {
      type: {
        enum: ['auto', 'any', 'tool', 'none'],
        description:
          'With `none`, a recorded function call is returned as text. Other values have no effect.',
      },
    },
    description: 'How tools are used.',
  },
  thinking: {
    type: ['object', 'null'],
    properties: {
      type: {
        type: 'string',
        description: 'With `disabled`, recorded reasoning is left out. Other values have no effect.',
      },
    },
    description: 'Whether the answer has thinking blocks, if the reply was recorded with its reasoning.',
  },
  output_config: object,
  cache_control: object,
} as const;

/** The body of `POST /v1/messages`. */
export const messagesSchema = {
  $id: 'MessagesRequest',
  type: 'object',
  required: ['model', 'max_tokens', 'messages'],
  properties: {
    ...promptFields,
    max_tokens: {
      type: 'integer',
      minimum: 1,
      description:
        'The maximum tokens of the reply. A longer reply is cut, with the stop reason `max_tokens`. By default, only a limit below nine tenths of the reply cuts it (setting `MAX_TOKENS`).',
    },
    stream: {
      type: ['boolean', 'null'],
      description: 'True to send the reply in pieces, as server-sent events.',
    },
    stop_sequences: {
      type: ['array', 'null'],
      maxItems: STOPS_MAX,
      items: { type: 'string', maxLength: STOP_LENGTH_MAX },
      description:
        'Texts of up to 250 characters each. The reply ends before the first one that it contains, with the stop reason `stop_sequence`.',
    },
    temperature: { type: ['number', 'null'], minimum: 0, maximum: 1, description: NO_EFFECT },
    top_p: { type: ['number', 'null'], minimum: 0, maximum: 1, description: NO_EFFECT },
    top_k: { type: ['integer', 'null'], minimum: 0, description: NO_EFFECT },
    metadata: object,
    service_tier: string,
  },
} as const;

/** The body of `POST /v1/messages/count_tokens`. */
export const countTokensSchema = {
  $id: 'CountTokensRequest',
  type: 'object',
  required: ['model', 'messages'],
  properties: promptFields,
} as const;

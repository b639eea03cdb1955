/** Fields that the requests have in common. Each field's description says what it does; all optional fields may be null. */

import {
  CHOICES_MAX,
  LABEL_LENGTH_MAX,
  METADATA_KEY_LENGTH_MAX,
  METADATA_PAIRS_MAX,
  METADATA_VALUE_LENGTH_MAX,
  MODEL_LENGTH_MAX,
  STOP_LENGTH_MAX,
  STOPS_MAX,
  TEXT_LENGTH_MAX,
} from '../../core/limits.js';

const NO_EFFECT = 'Accepted; has no effect on a recorded reply.';

/** A number that would control a model. */
const ignoredNumber = <Min extends number, Max extends number>(minimum: Min, maximum: Max) =>
  ({ type: ['number', 'null'], minimum, maximum, description: NO_EFFECT }) as const;

/** Fields that would control a model, or are for OpenAI's own use. */
export const ignored = {
  boolean: { type: ['boolean', 'null'], description: NO_EFFECT },
  integer: { type: ['integer', 'null'], description: NO_EFFECT },
  string: { type: ['string', 'null'], description: NO_EFFECT },
  object: { type: ['object', 'null'], description: NO_EFFECT },
  array: { type: ['array', 'null'], description: NO_EFFECT },
} as const;

/** A text that is looked up, or whose tokens are counted. */
export const textField = { type: 'string', maxLength: TEXT_LENGTH_MAX } as const;

/** A short label: of a user, a cache or an option. */
export const labelField = {
  type: ['string', 'null'],
  maxLength: LABEL_LENGTH_MAX,
  description: NO_EFFECT,
} as const;

/** Metadata that a client attaches to its request. */
export const metadataField = {
  type: ['object', 'null'],
  maxProperties: METADATA_PAIRS_MAX,
  propertyNames: { maxLength: METADATA_KEY_LENGTH_MAX },
  additionalProperties: { type: 'string', maxLength: METADATA_VALUE_LENGTH_MAX },
  description: NO_EFFECT,
} as const;

/** The required fields of the `json_schema` format, whose schema a model's reply would follow. */
export const namedSchema = {
  name: { type: 'string', description: NO_EFFECT },
  schema: { type: 'object', description: NO_EFFECT },
} as const;

/** Sampling parameters, which don't affect recorded replies. Values that no model accepts are rejected. */
export const samplingFields = {
  temperature: ignoredNumber(0, 2),
  top_p: ignoredNumber(0, 1),
} as const;

/** Sampling parameters that the Responses API doesn't have. */
const legacySamplingFields = {
  ...samplingFields,
  frequency_penalty: ignoredNumber(-2, 2),
  presence_penalty: ignoredNumber(-2, 2),
  seed: ignored.integer,
  logit_bias: {
    type: ['object', 'null'],
    additionalProperties: { type: 'number', minimum: -100, maximum: 100 },
    description: NO_EFFECT,
  },
} as const;

/** Types of content parts that have a text: those of chats, and those of responses, which some clients send to chats, too. */
export const TEXT_TYPES: readonly string[] = ['input_text', 'output_text', 'text'];

const part = {
  $id: 'ContentPart',
  type: 'object',
  required: ['type'],
  properties: {
    type: {
      type: 'string',
      description: '`input_text`, `output_text` or `text`. Parts of other types are ignored.',
    },
    text: { ...textField, description: 'Required in a part of one of these types.' },
  },
  if: { required: ['type'], properties: { type: { enum: TEXT_TYPES } } },
  // biome-ignore lint/suspicious/noThenProperty: JSON Schema's word.
  then: { required: ['text'] },
} as const;

/** The content of a message. */
export const content = {
  type: ['string', 'array'],
  maxLength: TEXT_LENGTH_MAX,
  items: part,
  description: 'A text, or a list of parts whose texts are joined.',
} as const;

/** The model's name, which every request may have. */
export const modelField = {
  model: {
    type: ['string', 'null'],
    maxLength: MODEL_LENGTH_MAX,
    description:
      'Unless `STRICT_MODELS` is set, any name is accepted, and echoed. Without one, the response has the name of the dataset.',
  },
} as const;

/** When a limit truncates a reply. */
export const LIMIT_STRICTNESS =
  'By default, only a limit below nine tenths of the reply cuts it (setting `MAX_TOKENS`).';

/** An upper limit for the tokens of an answer. */
export const limitField = {
  type: ['integer', 'null'],
  minimum: -1,
  description: `The maximum tokens of the reply. A longer reply is cut, with the finish reason \`length\`. -1 is no limit. ${LIMIT_STRICTNESS}`,
} as const;

/** A token id of the tokenizer. */
export const tokenIds = { type: 'integer', minimum: 0 } as const;

/** Options that chat completions and completions have in common. */
export const answerFields = {
  ...modelField,
  ...legacySamplingFields,
  stream: {
    type: ['boolean', 'null'],
    description: 'True to send the reply in pieces, as server-sent events.',
  },
  stream_options: {
    type: ['object', 'null'],
    description: 'Options of a stream. Without `stream`, they have no effect.',
    properties: {
      include_usage: {
        type: ['boolean', 'null'],
        description: 'True to end the stream with a chunk that has the usage and no choices.',
      },
      continuous_usage_stats: {
        type: ['boolean', 'null'],
        description: 'With `include_usage`, true to put the usage so far into every chunk, as vLLM does.',
      },
      include_obfuscation: ignored.boolean,
    },
  },
  n: {
    type: ['integer', 'null'],
    minimum: 1,
    maximum: CHOICES_MAX,
    description: 'The number of choices. All have the same reply.',
  },
  stop: {
    type: ['string', 'array', 'null'],
    maxLength: STOP_LENGTH_MAX,
    items: { type: 'string', maxLength: STOP_LENGTH_MAX },
    maxItems: STOPS_MAX,
    description:
      'One or several texts of up to 250 characters each. The reply ends before the first one that it contains.',
  },
  include_stop_str_in_output: {
    type: ['boolean', 'null'],
    description: 'True to include the stop text at the end of the reply, as vLLM does.',
  },
  user: labelField,
} as const;

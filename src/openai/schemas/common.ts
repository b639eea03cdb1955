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

const NO_EFFECT = 'Accepted, has no effect: a recorded reply is what it is.';

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
      description: 'Parts of type `input_text`, `output_text` and `text` count; the others are passed over.',
    },
    text: { ...textField, description: 'Needed in a part of such a type.' },
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
  description: 'A text, or parts whose texts are put together.',
} as const;

/** The model's name, which every request may have. */
export const modelField = {
  model: {
    type: ['string', 'null'],
    maxLength: MODEL_LENGTH_MAX,
    description:
      "Any name is answered, and echoed, unless `STRICT_MODELS` is set. Without one, the dataset's own.",
  },
} as const;

/** When a limit truncates a reply. */
export const LIMIT_STRICTNESS =
  'How strictly, the setting `MAX_TOKENS` says: by default, only if it is less than nine tenths of the reply.';

/** An upper limit for the tokens of an answer. */
export const limitField = {
  type: ['integer', 'null'],
  minimum: -1,
  description: `Tokens of the reply at most; a longer one is cut, and ends with \`length\`. -1 is no limit. ${LIMIT_STRICTNESS}`,
} as const;

/** A token id of the tokenizer. */
export const tokenIds = { type: 'integer', minimum: 0 } as const;

/** Options that chat completions and completions have in common. */
export const answerFields = {
  ...modelField,
  ...legacySamplingFields,
  stream: {
    type: ['boolean', 'null'],
    description: 'True for the reply in pieces, as server-sent events.',
  },
  stream_options: {
    type: ['object', 'null'],
    description: 'What a stream holds besides. Without `stream`, they have no effect.',
    properties: {
      include_usage: {
        type: ['boolean', 'null'],
        description: 'True for a last chunk that has the usage, and no choices.',
      },
      continuous_usage_stats: {
        type: ['boolean', 'null'],
        description: 'With `include_usage`, true for the usage so far in every chunk, as vLLM has it.',
      },
      include_obfuscation: ignored.boolean,
    },
  },
  n: {
    type: ['integer', 'null'],
    minimum: 1,
    maximum: CHOICES_MAX,
    description: 'How many times the reply is given: it is the same each time.',
  },
  stop: {
    type: ['string', 'array', 'null'],
    maxLength: STOP_LENGTH_MAX,
    items: { type: 'string', maxLength: STOP_LENGTH_MAX },
    maxItems: STOPS_MAX,
    description:
      'A text, or several, of up to 250 characters each: the reply ends before the first that it has.',
  },
  include_stop_str_in_output: {
    type: ['boolean', 'null'],
    description: 'True if the text that ended the reply is part of it, as vLLM has it.',
  },
  user: labelField,
} as const;

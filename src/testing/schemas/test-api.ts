import { OVERRIDES_AT_ONCE_MAX } from '../../core/limits.js';
import { messageSchema } from '../../openai/schemas/chat.js';

const callSchema = {
  type: 'object',
  properties: {
    id: { type: 'string', description: 'Generated if it is missing.' },
    type: { enum: ['function'] },
    name: { type: 'string', minLength: 1 },
    arguments: { type: ['string', 'object'], description: 'JSON, or the value that it is made from.' },
    function: {
      type: 'object',
      required: ['name', 'arguments'],
      properties: { name: { type: 'string', minLength: 1 }, arguments: { type: ['string', 'object'] } },
      description: 'The name and the arguments, as OpenAI has them.',
    },
  },
  if: { not: { required: ['function'] } },
  // biome-ignore lint/suspicious/noThenProperty: JSON Schema's word.
  then: { required: ['name', 'arguments'] },
} as const;

/** A reply that a test gives, as a message. */
export const ownMessageSchema = {
  $id: 'OwnMessage',
  type: 'object',
  properties: {
    role: { enum: ['assistant'] },
    content: { type: ['string', 'null'] },
    reasoning_content: { type: ['string', 'null'] },
    tool_calls: { type: ['array', 'null'], items: callSchema },
    // OpenAI's messages have them.
    refusal: {},
    annotations: {},
    audio: {},
    function_call: {},
  },
  additionalProperties: false,
  if: { not: { required: ['tool_calls'] } },
  // biome-ignore lint/suspicious/noThenProperty: JSON Schema's word.
  then: { required: ['content'] },
} as const;

/** An error that a test gives. */
export const ownErrorSchema = {
  $id: 'OwnError',
  type: 'object',
  required: ['status'],
  properties: {
    status: { type: 'integer', minimum: 400, maximum: 599 },
    message: { type: 'string' },
    type: { type: 'string' },
    code: { type: 'string' },
    retry_after: { type: 'number', minimum: 0, description: 'The header `retry-after`, in seconds.' },
  },
  additionalProperties: false,
} as const;

/** How often and how soon a test's own reply answers. */
const USE = {
  times: { type: 'integer', minimum: 1, description: 'How many requests it answers. Default: all.' },
  delay_ms: {
    type: 'number',
    minimum: 0,
    maximum: 3_600_000,
    description: 'Time before the answer begins.',
  },
} as const;

/** The same as a schema. */
export const ownUseSchema = {
  $id: 'OwnUse',
  type: 'object',
  properties: USE,
  additionalProperties: false,
} as const;

/** One element of `POST /api/replies`: which requests, and what they get. */
export const ownReplySchema = {
  $id: 'OwnReply',
  type: 'object',
  properties: {
    prompt: { type: 'string', description: 'The text of the last message.' },
    pattern: {
      type: 'string',
      maxLength: 10_000,
      description: "A regular expression of JavaScript that the last message's text matches.",
    },
    flags: { type: 'string', maxLength: 8, description: 'The flags of the pattern.' },
    messages: {
      type: 'array',
      minItems: 1,
      items: messageSchema,
      description: 'All messages of the request. Roles don’t matter.',
    },
    reply: {
      type: ['string', 'object', 'array'],
      description:
        'A text, a message with `content`, `reasoning_content` or `tool_calls`, or a list of them, used in turn: the last repeats.',
    },
    error: { ...ownErrorSchema, description: 'An error instead of a reply.' },
    ...USE,
  },
  additionalProperties: false,
} as const;

/** The body of `POST /api/replies`: one, or a list. */
export const ownRepliesSchema = {
  $id: 'OwnReplies',
  anyOf: [
    ownReplySchema,
    { type: 'array', minItems: 1, maxItems: OVERRIDES_AT_ONCE_MAX, items: ownReplySchema },
  ],
} as const;

/** The answer to `POST /api/replies`. */
export const ownRepliesAddedSchema = {
  $id: 'OwnRepliesAdded',
  type: 'object',
  required: ['numbers'],
  properties: {
    numbers: {
      type: 'array',
      items: { type: 'integer' },
      description:
        'The number of each reply: an answer by it has the header `x-verbatim-source: override#<number>`.',
    },
  },
} as const;

/** The answer to a `DELETE` below `/api`. */
export const clearedSchema = {
  $id: 'Cleared',
  type: 'object',
  required: ['deleted'],
  properties: { deleted: { const: true } },
} as const;

/** The body of `POST /api/failures`: which requests fail, and how. */
export const failuresSchema = {
  $id: 'Failures',
  type: 'object',
  properties: {
    sequence: {
      type: 'string',
      maxLength: 10_000,
      description: 'Failures of one request after the other, as in the setting `FAIL_SEQUENCE`.',
    },
    rate: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      description: 'The share of the other requests that fail.',
    },
    types: {
      type: 'string',
      maxLength: 10_000,
      description: 'How they fail, as in the setting `FAIL_TYPES`.',
    },
    model: { type: 'string', description: 'The model whose requests fail. Default: all models.' },
  },
  additionalProperties: false,
} as const;

/** The answer to it. */
export const failuresSetSchema = {
  $id: 'FailuresSet',
  type: 'object',
  required: ['set'],
  properties: { set: { const: true } },
} as const;

/** The query of `GET /api/requests`. */
export const requestsQuerySchema = {
  $id: 'RequestsQuery',
  type: 'object',
  properties: {
    status: { type: 'integer', description: 'The status of the response.' },
    match: {
      type: 'string',
      description: 'The header `x-verbatim-match` of the response: `none` for misses.',
    },
    test: { type: 'string', description: 'The header `x-test-id` of the request.' },
    limit: { type: 'integer', minimum: 1, maximum: 1000, description: 'How many, the latest. Default: 100.' },
  },
  additionalProperties: false,
} as const;

/** A request in the journal. */
export const recordedRequestSchema = {
  $id: 'JournalEntry',
  type: 'object',
  required: ['number', 'request_id', 'method', 'path', 'headers', 'messages', 'status', 'came_at'],
  properties: {
    number: { type: 'integer', description: 'Counts all requests of the server, from 1.' },
    request_id: { type: 'string' },
    method: { type: 'string' },
    path: { type: 'string' },
    headers: {
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'Keys and cookies are shown as `***`.',
    },
    body: { description: 'The parsed body; its text if it isn’t JSON.' },
    messages: {
      type: 'array',
      items: {
        type: 'object',
        properties: { role: { type: 'string' }, content: { type: 'string' } },
      },
    },
    prompt: { type: 'string', description: 'The text of the last message.' },
    model: { type: ['string', 'null'] },
    test: { type: ['string', 'null'] },
    status: { type: 'integer', description: '499 if the client disconnected before its answer began.' },
    match: { type: ['string', 'null'] },
    source: { type: ['string', 'null'] },
    score: { type: ['string', 'null'], description: 'That of the nearest turn.' },
    dataset: { type: ['string', 'null'] },
    error: {
      type: ['object', 'null'],
      properties: { code: { type: 'string' }, message: { type: 'string' } },
    },
    usage: {
      type: ['object', 'null'],
      properties: { prompt_tokens: { type: 'integer' }, completion_tokens: { type: 'integer' } },
    },
    finish_reason: { type: ['string', 'null'] },
    came_at: { type: 'number', description: 'When it arrived, in ms since 1970.' },
    first_ms: { type: 'number', description: 'The time until the answer began.' },
    duration_ms: { type: 'number', description: 'The time until it ended.' },
    finished: { type: 'boolean', description: 'False if the client disconnected before the end.' },
  },
} as const;

/** The answer to `GET /api/requests`. */
export const requestListSchema = {
  $id: 'RequestList',
  type: 'object',
  required: ['requests'],
  properties: {
    requests: {
      type: 'array',
      items: recordedRequestSchema,
      description: 'The latest, the oldest first; fewer than the limit if their bodies have more than 4 MiB.',
    },
  },
} as const;

/** The body of `POST /api/explain`. The schema of its own endpoint validates it. */
export const explainedRequestSchema = {
  $id: 'ExplainedRequest',
  type: 'object',
  properties: {
    model: { type: 'string', description: 'The dataset that is searched; all if it is missing or unknown.' },
    messages: { type: 'array', description: 'Those of a chat.' },
    prompt: { description: 'That of a completion.' },
    input: { description: 'That of a response.' },
  },
} as const;

const nullableText = { type: ['string', 'null'] } as const;

/** The answer to `POST /api/explain`. */
export const explanationSchema = {
  $id: 'Explanation',
  type: 'object',
  required: ['histories', 'override', 'answer', 'error', 'rungs', 'turns', 'nearest'],
  properties: {
    histories: {
      type: 'array',
      items: { type: 'array', items: { type: 'string' } },
      description:
        'The texts that are looked up, the prompt last: with and without system messages, for example.',
    },
    override: {
      type: ['integer', 'null'],
      description: "The number of the test's own reply that answers before the dataset.",
    },
    answer: {
      type: ['object', 'null'],
      description: 'The answer of the dataset, as the headers of the response have it.',
      properties: {
        match: { type: 'string' },
        source: { type: 'string' },
        dataset: { type: 'string' },
        score: { type: 'string' },
      },
    },
    error: { ...nullableText, description: 'The message of the error, if the dataset has no answer.' },
    rungs: {
      type: 'array',
      items: {
        type: 'object',
        required: ['rung', 'found', 'turns'],
        properties: {
          rung: { enum: ['context', 'prompt', 'normalized', 'nearest'] },
          found: { type: 'boolean' },
          turns: {
            type: ['integer', 'null'],
            description: 'How many turns; null without an index, and if the rules of `NORMALIZE` find one.',
          },
        },
      },
    },
    turns: {
      type: 'array',
      description:
        'The first turns that have the prompt: those with the most turns before them that agree come first.',
      items: {
        type: 'object',
        required: ['source', 'dataset', 'rung', 'preceding', 'whole', 'role', 'reply'],
        properties: {
          source: { type: 'string', description: 'The place of its reply, as in `x-verbatim-source`.' },
          dataset: { type: 'string' },
          rung: { enum: ['prompt', 'normalized'] },
          preceding: {
            type: ['integer', 'null'],
            description: 'How many turns before it agree with the messages; null if rules find it.',
          },
          whole: { type: 'boolean', description: 'True if those are all turns and all messages.' },
          role: { type: 'string', description: 'Who said the reply.' },
          reply: { type: 'string' },
        },
      },
    },
    nearest: {
      type: 'array',
      description: 'The three nearest turns.',
      items: {
        type: 'object',
        required: ['source', 'dataset', 'score', 'text', 'differs', 'reply'],
        properties: {
          source: { type: 'string' },
          dataset: { type: 'string' },
          score: { type: 'number' },
          text: { type: 'string' },
          differs: {
            type: ['object', 'null'],
            description: 'Where the texts part: the first difference is in brackets.',
            properties: { asked: { type: 'string' }, recorded: { type: 'string' } },
          },
          reply: { type: 'string' },
        },
      },
    },
  },
} as const;

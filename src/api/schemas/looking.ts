/** The schemas of looking at datasets. */

import { CONVERSATIONS_LISTED_MAX, SEARCH_LENGTH_MAX, SEARCHED_HITS_MAX } from '../../core/limits.js';
import { ROLES } from '../../core/roles.js';

const count = { type: 'integer', minimum: 0 } as const;
const nullableCount = { type: ['integer', 'null'], minimum: 0 } as const;
const nullableText = { type: ['string', 'null'] } as const;

/** The query of `GET /api/datasets/{model}/conversations`. */
export const conversationsQuerySchema = {
  $id: 'ConversationsQuery',
  type: 'object',
  properties: {
    from: {
      type: 'integer',
      minimum: 0,
      description: 'The number of the first conversation. Numbers count all records from 0.',
    },
    limit: {
      type: 'integer',
      minimum: 1,
      maximum: CONVERSATIONS_LISTED_MAX,
      description: 'How many. Default: 50.',
    },
    id: {
      type: 'string',
      description: 'In place of `from`: only records with this id, as in `x-verbatim-source`.',
    },
  },
} as const;

/** The query of `GET /api/datasets/{model}/conversations/{number}`. */
export const conversationQuerySchema = {
  $id: 'ConversationQuery',
  type: 'object',
  required: ['number'],
  properties: {
    number: { type: 'integer', minimum: 0, description: 'The number of the record, from 0.' },
    raw: { enum: [true, false, 1, 0], description: "1 to get the record's own text, too." },
  },
} as const;

/** The query of `GET /api/datasets/{model}/search`. */
export const searchQuerySchema = {
  $id: 'SearchQuery',
  type: 'object',
  properties: {
    q: {
      type: 'string',
      maxLength: SEARCH_LENGTH_MAX,
      description:
        "Words that a turn's text must all have. Words in double quotes are one text; in it, a backslash precedes a quote or a backslash.",
    },
    case: {
      enum: [0, 1, true, false],
      description: '1 if capital letters differ from small ones. Default: 0.',
    },
    role: { enum: ROLES, description: "The turn's role. Names that aren't known are an assistant's." },
    min_length: { ...count, description: 'The length of the text in bytes, as JSON spells it, at least' },
    max_length: { ...count, description: '… and at most.' },
    min_turns: { ...count, description: 'How many turns the conversation has, at least' },
    max_turns: { ...count, description: '… and at most. With this alone, the first turn of each is found.' },
    limit: {
      type: 'integer',
      minimum: 1,
      maximum: SEARCHED_HITS_MAX,
      description: 'How many turns are sent. All are counted. Default: 100.',
    },
    after: { type: 'string', description: 'The cursor of an earlier search, to go on from there.' },
  },
} as const;

/** An event of `GET /api/datasets/{model}/search`. */
export const searchEventSchema = {
  $id: 'SearchEvent',
  anyOf: [
    {
      description: 'A turn that was found.',
      type: 'object',
      required: ['type', 'number', 'id', 'turn', 'role', 'length', 'at', 'snippet'],
      properties: {
        type: { enum: ['hit'] },
        number: { ...count, description: 'The number of the record, from 0.' },
        id: nullableText,
        turn: count,
        role: { enum: ROLES },
        length: count,
        at: { ...count, description: 'Where the first term begins in the text, in UTF-16 units.' },
        snippet: {
          type: 'object',
          required: ['text', 'marks'],
          properties: {
            text: { type: 'string' },
            marks: {
              type: 'array',
              description: 'The start and the end of each term in `text`, in UTF-16 units.',
              items: { type: 'array', items: count, minItems: 2, maxItems: 2 },
            },
          },
        },
      },
    },
    {
      description: 'How much was searched, and what was found in it: now and then, and at the end.',
      type: 'object',
      required: ['type', 'turns', 'conversations', 'read', 'bytes'],
      properties: {
        type: { enum: ['progress', 'end'] },
        turns: count,
        conversations: count,
        read: count,
        bytes: count,
        seconds: { type: 'number', description: 'Of `end`: how long it took.' },
        cursor: { ...nullableText, description: 'Of `end`: where to go on if not all turns were sent.' },
      },
    },
    {
      description: 'Why the search ended.',
      type: 'object',
      required: ['type', 'error'],
      properties: { type: { enum: ['error'] } },
    },
  ],
} as const;

const histogramSchema = {
  type: 'object',
  required: ['from', 'counts'],
  properties: {
    from: { type: 'array', items: count, description: 'The first number of each bucket.' },
    counts: { type: 'array', items: count },
  },
} as const;

/** A dataset. */
const datasetSchema = {
  $id: 'Dataset',
  type: 'object',
  required: [
    ...['id', 'status', 'engine', 'progress', 'bytes', 'modified', 'records', 'conversations', 'turns'],
    ...['replies', 'left_out', 'skipped', 'index_bytes', 'parts', 'roles', 'histograms'],
  ],
  properties: {
    id: { type: 'string' },
    status: {
      enum: ['ready', 'indexing', 'unavailable'],
      description: '`indexing` while it is read for the first time; the counts are those so far.',
    },
    engine: { enum: ['sweep', 'index', 'store'] },
    progress: { type: 'number', minimum: 0, maximum: 1, description: 'The share that was read.' },
    bytes: { ...count, description: 'The size of its files.' },
    modified: { type: 'integer', description: 'In seconds since 1970.' },
    records: { ...count, description: 'Conversations, and records that are skipped.' },
    conversations: count,
    turns: count,
    replies: { ...count, description: 'Turns that have a reply.' },
    left_out: { ...count, description: "Elements of lists of turns that aren't turns." },
    skipped: { ...count, description: "Records that aren't conversations." },
    index_bytes: { ...nullableCount, description: 'The memory of the index; null without one.' },
    parts: { ...count, description: 'How many files it has.' },
    roles: {
      type: 'object',
      required: ['user', 'assistant', 'system', 'tool'],
      properties: { user: count, assistant: count, system: count, tool: count },
      description: 'Turns by whose they are.',
    },
    histograms: {
      type: ['object', 'null'],
      required: ['turns', 'lengths'],
      properties: {
        turns: { ...histogramSchema, description: 'Conversations by their number of turns.' },
        lengths: {
          ...histogramSchema,
          description: 'Turns by the length of their text in bytes, as JSON spells it.',
        },
      },
    },
  },
} as const;

/** All datasets. */
export const datasetsSchema = {
  $id: 'Datasets',
  type: 'object',
  required: ['datasets'],
  properties: { datasets: { type: 'array', items: datasetSchema } },
} as const;

/** Some conversations, a line each. */
export const conversationListSchema = {
  $id: 'ConversationList',
  type: 'object',
  required: ['total', 'from', 'conversations'],
  properties: {
    total: { ...nullableCount, description: 'The number of records; null until it is known.' },
    from: { ...nullableCount, description: 'The first requested number; null for a search by id.' },
    conversations: {
      type: 'array',
      items: {
        type: 'object',
        required: ['number', 'id', 'turns', 'prompt', 'tokens', 'bytes'],
        properties: {
          number: count,
          id: nullableText,
          turns: count,
          prompt: { ...nullableText, description: 'The beginning of the first prompt.' },
          tokens: { ...nullableCount, description: 'Of all turns; null until all are counted.' },
          bytes: count,
          skipped: { const: true, description: "The record isn't a conversation." },
        },
      },
    },
  },
} as const;

/** One conversation, with all that is recorded of it. */
export const conversationSchema = {
  $id: 'Conversation',
  type: 'object',
  required: [
    ...[
      'number',
      'id',
      'source',
      'model',
      'bytes',
      'total',
      'skipped',
      'system',
      'tools',
      'turns',
      'other',
      'raw',
    ],
  ],
  properties: {
    number: count,
    id: nullableText,
    source: {
      type: 'string',
      description: 'Its name in `x-verbatim-source`: the id, or the number in its file.',
    },
    model: { type: 'string' },
    bytes: count,
    total: nullableCount,
    skipped: { type: 'boolean', description: "True if the record isn't a conversation." },
    system: { ...nullableText, description: "The record's own system field." },
    tools: { description: "The record's tools; null if it has none." },
    turns: {
      type: 'array',
      items: {
        type: 'object',
        required: ['number', 'role', 'from', 'text', 'length', 'tokens', 'reasoning', 'tool_calls'],
        properties: {
          number: count,
          role: { type: 'string', description: "OpenAI's name for the role, if it has one." },
          from: { type: 'string', description: 'The role as recorded.' },
          text: { type: 'string' },
          length: { ...count, description: 'Bytes of the text, as JSON spells it, without quotes.' },
          tokens: { ...nullableCount, description: 'Null until they are counted.' },
          reasoning: nullableText,
          tool_calls: {
            type: ['array', 'null'],
            items: {
              type: 'object',
              required: ['id', 'type', 'function'],
              properties: {
                id: nullableText,
                type: { const: 'function' },
                function: {
                  type: 'object',
                  required: ['name', 'arguments'],
                  properties: { name: { type: 'string' }, arguments: { type: 'string' } },
                },
              },
            },
          },
        },
      },
    },
    other: { type: 'object', description: "The record's other fields." },
    raw: {
      ...nullableText,
      description:
        "The record's own text, if the query has `raw=1`; null for a record that is too long to be read.",
    },
  },
} as const;

/** The most repeated prompts. */
export const repeatedPromptsSchema = {
  $id: 'RepeatedPrompts',
  type: 'object',
  required: ['prompts'],
  properties: {
    prompts: {
      type: ['array', 'null'],
      description: 'At most a hundred, the most repeated one first. Null without an index.',
      items: {
        type: 'object',
        required: ['text', 'count', 'number', 'turn'],
        properties: {
          text: { type: 'string', description: 'The beginning of the prompt.' },
          count: { ...count, description: 'How many turns have it.' },
          number: { ...count, description: 'The first conversation that has it.' },
          turn: { ...count, description: 'Which of its turns it is, from 0.' },
        },
      },
    },
  },
} as const;

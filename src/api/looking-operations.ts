import { type Described, json, LOOKING_ERRORS, type Parameter } from './operation.js';
import {
  conversationListSchema,
  conversationSchema,
  conversationsQuerySchema,
  datasetsSchema,
  repeatedPromptsSchema,
  searchEventSchema,
  searchQuerySchema,
} from './schemas/looking.js';

const model: Parameter = {
  name: 'model',
  in: 'path',
  required: true,
  schema: { type: 'string' },
  description: "The model's id, percent-encoded.",
};

const number: Parameter = {
  name: 'number',
  in: 'path',
  required: true,
  schema: { type: 'integer', minimum: 0 },
  description: 'The number of the record among all of the dataset, from 0.',
};

const raw: Parameter = {
  name: 'raw',
  in: 'query',
  schema: { enum: ['1', '0', 'true', 'false'] },
  description: "`1` to get the record's own text, too.",
};

/** The operations that show what is in the datasets. */
export const LOOKING_OPERATIONS = [
  {
    method: 'get',
    path: '/api/datasets',
    id: 'listDatasets',
    tag: 'Looking',
    summary: 'The datasets: their state, and what is in them, in numbers',
    answer: json(datasetsSchema),
  },
  {
    method: 'get',
    path: '/api/datasets/{model}/conversations',
    id: 'listConversations',
    tag: 'Looking',
    summary: 'Some conversations, a line each: by their numbers, or by id',
    description:
      'While a dataset is read for the first time, the answer waits until its first wanted records were read; by id, until all were.',
    parameters: [model],
    query: conversationsQuerySchema,
    answer: json(conversationListSchema),
    errors: [
      ...['invalid_type', 'invalid_value', 'integer_below_min_value', 'integer_above_max_value'],
      ...['model_not_found', ...LOOKING_ERRORS],
    ],
  },
  {
    method: 'get',
    path: '/api/datasets/{model}/conversations/{number}',
    id: 'retrieveConversation',
    tag: 'Looking',
    summary: 'One conversation, with all that is recorded of it',
    parameters: [model, number, raw],
    answer: json(conversationSchema),
    errors: [
      ...['invalid_type', 'invalid_value', 'integer_below_min_value', 'model_not_found'],
      ...['conversation_not_found', ...LOOKING_ERRORS],
    ],
  },
  {
    method: 'get',
    path: '/api/datasets/{model}/search',
    id: 'searchTexts',
    tag: 'Looking',
    summary: 'Turns that have some texts, in the order of the dataset, as they are found',
    description:
      'Server-sent events, or lines of JSON if `Accept` has `application/x-ndjson`. A client that disconnects ends the search.',
    parameters: [model],
    query: searchQuerySchema,
    answer: { 'text/event-stream': searchEventSchema, 'application/x-ndjson': searchEventSchema },
    refusesHead: true,
    errors: [
      ...['missing_required_parameter', 'invalid_type', 'invalid_value', 'string_above_max_length'],
      ...['array_above_max_length', 'integer_below_min_value', 'integer_above_max_value'],
      ...['model_not_found', ...LOOKING_ERRORS],
    ],
  },
  {
    method: 'get',
    path: '/api/datasets/{model}/repeated',
    id: 'listRepeatedPrompts',
    tag: 'Looking',
    summary: 'The prompts that are repeated most',
    parameters: [model],
    answer: json(repeatedPromptsSchema),
    errors: ['model_not_found', ...LOOKING_ERRORS],
  },
] as const satisfies readonly Described[];

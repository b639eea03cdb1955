import {
  clearedSchema,
  explainedRequestSchema,
  explanationSchema,
  ownRepliesAddedSchema,
  ownRepliesSchema,
  recordedRequestSchema,
  requestListSchema,
  requestsQuerySchema,
} from '../testing/schemas/test-api.js';
import { BODY_ERRORS, DATASET_ERRORS, type Described, GIVEN_ERRORS, json } from './operation.js';

const testId = {
  name: 'test',
  in: 'query',
  schema: { type: 'string' },
  description: 'The id of one test, as in the header `x-test-id`, which counts without it. Default: all.',
} as const;

/** The operations for tests. */
export const TESTING_OPERATIONS = [
  {
    method: 'post',
    path: '/api/replies',
    id: 'giveReplies',
    tag: 'Testing',
    summary: 'Gives replies or errors to some requests, before the dataset is searched',
    description:
      'Later ones go before earlier ones; those for a prompt or for messages go before those for a pattern. With the header `x-test-id`, only requests with the same header get them.',
    body: ownRepliesSchema,
    example: () => ({ prompt: 'What is 2+2?', reply: '4' }),
    answer: json(ownRepliesAddedSchema),
    errors: [...BODY_ERRORS, 'unknown_parameter'],
  },
  {
    method: 'delete',
    path: '/api/replies',
    id: 'takeBackReplies',
    tag: 'Testing',
    summary: 'Takes back the replies and errors of a test, or all',
    parameters: [testId],
    answer: json(clearedSchema),
    errors: ['test_id_invalid', 'invalid_value', 'unknown_parameter', 'invalid_type'],
  },
  {
    method: 'post',
    path: '/api/explain',
    id: 'explain',
    tag: 'Testing',
    summary: 'What a request would get, and why',
    description:
      'The body is that of a chat, a completion or a response. Nothing is used up: no reply of a test, and no entry of the journal.',
    body: explainedRequestSchema,
    example: ({ prompt }) => ({ messages: [{ role: 'user', content: prompt }] }),
    answer: json(explanationSchema),
    errors: [...BODY_ERRORS, 'model_not_found', ...GIVEN_ERRORS, ...DATASET_ERRORS],
  },
  {
    method: 'get',
    path: '/api/requests',
    id: 'listRequests',
    tag: 'Testing',
    summary: 'The latest requests, with what matched',
    query: requestsQuerySchema,
    answer: json(requestListSchema),
    errors: [
      'test_id_invalid',
      'invalid_value',
      'invalid_type',
      'integer_below_min_value',
      'integer_above_max_value',
      'journal_off',
    ],
  },
  {
    method: 'delete',
    path: '/api/requests',
    id: 'clearRequests',
    tag: 'Testing',
    summary: 'Removes the requests of a test, or all',
    parameters: [testId],
    answer: json(clearedSchema),
    errors: ['test_id_invalid', 'invalid_value', 'unknown_parameter', 'invalid_type', 'journal_off'],
  },
  {
    method: 'get',
    path: '/api/requests/stream',
    id: 'streamRequests',
    tag: 'Testing',
    summary: 'Each request from now on, as server-sent events',
    parameters: [testId],
    answer: { 'text/event-stream': recordedRequestSchema },
    refusesHead: true,
    errors: ['test_id_invalid', 'invalid_value', 'unknown_parameter', 'invalid_type', 'journal_off'],
  },
] as const satisfies readonly Described[];

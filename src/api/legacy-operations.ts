import { legacyAnswerSchema, legacyBenchmarkSchema } from '../openai/schemas/answers.js';
import { legacySchema } from '../openai/schemas/legacy.js';
import {
  BODY_ERRORS,
  DATASET_ERRORS,
  type Described,
  type Example,
  GIVEN_ERRORS,
  json,
} from './operation.js';

const legacyCompletion = {
  method: 'post',
  tag: 'Legacy API',
  description:
    'Returns the reply to the first turn whose text is exactly the value. A miss is reported in the body, with status 200.',
  body: legacySchema,
  example: ({ prompt }: Example) => ({ conversation: { from: 'human', value: prompt } }),
  answer: json(legacyAnswerSchema),
  isLookup: true,
  errors: [...BODY_ERRORS, ...GIVEN_ERRORS, ...DATASET_ERRORS],
} as const;

/** The operations of the legacy API. */
export const LEGACY_OPERATIONS = [
  {
    ...legacyCompletion,
    path: '/api/v1/chat/completion',
    id: 'legacyCompletion',
    summary: 'The recorded reply to a text, without the cache',
  },
  {
    ...legacyCompletion,
    path: '/api/v1/chat/completion/v1',
    id: 'legacyCachedCompletion',
    summary: 'The recorded reply to a text, through the cache',
  },
  {
    method: 'get',
    path: '/api/v1/chat/api/benchmarks',
    id: 'legacyBenchmark',
    tag: 'Legacy API',
    summary: 'The time that 100 requests take, one after the other',
    refusesHead: true,
    parameters: [
      {
        name: 'path',
        in: 'query',
        schema: { enum: ['/completion', '/completion/v1'], default: '/completion' },
        description: 'The path of these requests.',
      },
    ],
    answer: json(legacyBenchmarkSchema),
    errors: ['invalid_value', 'benchmark_running', 'benchmark_failed'],
  },
] as const satisfies readonly Described[];

import {
  healthSchema,
  homeSchema,
  readySchema,
  tokenListSchema,
  tokenTextSchema,
  versionSchema,
} from '../openai/schemas/answers.js';
import { detokenizeSchema, tokenizeSchema } from '../openai/schemas/tokens.js';
import { BODY_ERRORS, type Described, json } from './operation.js';

const tokens = {
  method: 'post',
  tag: 'Server',
  errors: [...BODY_ERRORS, 'model_not_found', 'worker_failed'],
} as const;

const ping = {
  path: '/ping',
  tag: 'Server',
  summary: "Liveness, on SageMaker's path",
  answer: json(healthSchema),
  isOpen: true,
} as const;

/** The operations of the server itself. */
export const SERVER_OPERATIONS = [
  {
    method: 'get',
    path: '/',
    id: 'home',
    tag: 'Server',
    summary: 'The server, the state of its datasets, and a request that gets a reply',
    description:
      'HTML if `Accept` has `text/html`, else JSON if it has `application/json`, else plain text. If the server requires keys, a request without an accepted one gets nothing about the datasets.',
    answer: { 'text/html': { type: 'string' }, 'text/plain': { type: 'string' }, ...json(homeSchema) },
    isOpen: true,
  },
  {
    method: 'get',
    path: '/health',
    id: 'health',
    tag: 'Server',
    summary: 'Liveness',
    answer: json(healthSchema),
    isOpen: true,
  },
  { ...ping, method: 'get', id: 'ping' },
  { ...ping, method: 'post', id: 'postPing' },
  {
    method: 'get',
    path: '/ready',
    id: 'ready',
    tag: 'Server',
    summary: 'Readiness, the engine, and how much of the dataset has been read',
    answer: json(readySchema),
    isOpen: true,
    errors: ['dataset_changed', 'store_unavailable', 'threads_starting', 'stopping'],
  },
  {
    method: 'get',
    path: '/metrics',
    id: 'metrics',
    tag: 'Server',
    summary: 'Metrics for Prometheus',
    answer: { 'text/plain': { type: 'string' } },
  },
  {
    method: 'get',
    path: '/version',
    id: 'version',
    tag: 'Server',
    summary: 'The version of verbatim',
    answer: json(versionSchema),
    isOpen: true,
  },
  {
    ...tokens,
    path: '/tokenize',
    id: 'tokenize',
    summary: 'The tokens of a prompt or a chat',
    body: tokenizeSchema,
    example: ({ prompt }) => ({ prompt }),
    answer: json(tokenListSchema),
  },
  {
    ...tokens,
    path: '/detokenize',
    id: 'detokenize',
    summary: 'The text of tokens',
    body: detokenizeSchema,
    example: () => ({ tokens: [9906, 1917] }),
    answer: json(tokenTextSchema),
  },
  {
    method: 'get',
    path: '/openapi.json',
    id: 'openapi',
    tag: 'Server',
    summary: 'This document',
    description:
      'Its examples are prompts of the dataset. If the server requires keys, a request without one gets no examples.',
    answer: json({ type: 'object' }),
    isOpen: true,
  },
  {
    method: 'get',
    path: '/docs',
    id: 'docs',
    tag: 'Server',
    summary: 'This document as a page',
    answer: { 'text/html': { type: 'string' } },
    isOpen: true,
  },
] as const satisfies readonly Described[];

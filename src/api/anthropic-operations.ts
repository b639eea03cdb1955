import { messageEventSchema, messageSchema, tokenCountSchema } from '../anthropic/schemas/answers.js';
import { countTokensSchema, messagesSchema } from '../anthropic/schemas/messages.js';
import { BODY_ERRORS, COMPLETION_ERRORS, type Described, json } from './operation.js';

/** The operations of Anthropic's API. */
export const ANTHROPIC_OPERATIONS = [
  {
    method: 'post',
    path: '/v1/messages',
    id: 'createMessage',
    tag: 'Anthropic',
    summary: 'The recorded reply to a chat',
    description:
      'With `stream`, sends server-sent events: `event` is the type, `data` the object. `anthropic-version` and `?beta=true` are accepted and have no effect.',
    body: messagesSchema,
    example: ({ model, prompt }) => ({
      model,
      max_tokens: 1024,
      messages: [{ role: 'user', content: prompt }],
    }),
    answer: { ...json(messageSchema), 'text/event-stream': messageEventSchema },
    isLookup: true,
    errors: COMPLETION_ERRORS,
  },
  {
    method: 'post',
    path: '/v1/messages/count_tokens',
    id: 'countMessageTokens',
    tag: 'Anthropic',
    summary: 'The number of tokens in the messages, the system message and the tools',
    description: 'The same number as in the usage of the message. Nothing is looked up.',
    body: countTokensSchema,
    example: ({ model, prompt }) => ({ model, messages: [{ role: 'user', content: prompt }] }),
    answer: json(tokenCountSchema),
    errors: [...BODY_ERRORS, 'model_not_found', 'worker_failed', 'overloaded', 'timed_out'],
  },
] as const satisfies readonly Described[];

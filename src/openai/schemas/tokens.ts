import { MESSAGES_MAX } from '../../core/limits.js';
import { messageSchema } from './chat.js';
import { ignored, modelField } from './common.js';

/** The body of `POST /tokenize`, as vLLM has it: a prompt, or the messages of a chat. */
export const tokenizeSchema = {
  $id: 'TokenizeRequest',
  type: 'object',
  properties: {
    ...modelField,
    prompt: { type: 'string' },
    messages: {
      type: 'array',
      minItems: 1,
      maxItems: MESSAGES_MAX,
      items: messageSchema,
      description: 'Goes before a prompt. Their tokens are as many as the usage of a chat completion counts.',
    },
    add_generation_prompt: {
      type: ['boolean', 'null'],
      description: 'False to leave out what begins the reply to messages.',
    },
    return_token_strs: { type: ['boolean', 'null'], description: 'True for the text of each token, too.' },
    add_special_tokens: ignored.boolean,
  },
  if: { not: { required: ['messages'] } },
  // biome-ignore lint/suspicious/noThenProperty: JSON Schema's word.
  then: { required: ['prompt'] },
} as const;

/** The body of `POST /detokenize`, as vLLM has it. */
export const detokenizeSchema = {
  $id: 'DetokenizeRequest',
  type: 'object',
  required: ['tokens'],
  properties: { ...modelField, tokens: { type: 'array', items: { type: 'integer' } } },
} as const;

import { MESSAGES_MAX, TOKENIZED_LENGTH_MAX } from '../../core/limits.js';
import { messageSchema } from './chat.js';
import { modelField, tokenIds } from './common.js';

/** The body of `POST /tokenize`, as vLLM has it: a prompt, or the messages of a chat. */
export const tokenizeSchema = {
  $id: 'TokenizeRequest',
  type: 'object',
  properties: {
    ...modelField,
    prompt: {
      type: 'string',
      maxLength: TOKENIZED_LENGTH_MAX,
      description: 'A text; needed unless there are `messages`.',
    },
    messages: {
      type: 'array',
      minItems: 1,
      maxItems: MESSAGES_MAX,
      items: messageSchema,
      description:
        'Those of a chat, which count where there is a prompt, too. They have as many tokens as the usage of a chat completion says, and 1,048,576 characters together at most.',
    },
    add_generation_prompt: {
      type: ['boolean', 'null'],
      description: 'False to leave out what begins the reply to messages.',
    },
    return_token_strs: { type: ['boolean', 'null'], description: 'True for the text of each token, too.' },
    add_special_tokens: {
      type: ['boolean', 'null'],
      description: 'Accepted, has no effect: a prompt gets no tokens but those of its text.',
    },
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
  properties: {
    ...modelField,
    tokens: {
      type: 'array',
      items: tokenIds,
      description: 'Ids of the setting `TOKENIZER`. Their text may have 1,048,576 characters.',
    },
  },
} as const;

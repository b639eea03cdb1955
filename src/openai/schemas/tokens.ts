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
      description: 'A text. Required unless `messages` are given.',
    },
    messages: {
      type: 'array',
      minItems: 1,
      maxItems: MESSAGES_MAX,
      items: messageSchema,
      description:
        'The messages of a chat, used instead of a `prompt` if both are given. The number of tokens is that in the usage of a chat completion. All messages together may have at most 1,048,576 characters.',
    },
    add_generation_prompt: {
      type: ['boolean', 'null'],
      description: 'False to omit the tokens that begin the reply.',
    },
    return_token_strs: {
      type: ['boolean', 'null'],
      description: 'True to return the text of each token, too.',
    },
    add_special_tokens: {
      type: ['boolean', 'null'],
      description: 'Accepted; has no effect: no special tokens are added to a prompt.',
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
      description: 'Token ids of the setting `TOKENIZER`. Their text may have at most 1,048,576 characters.',
    },
  },
} as const;

/** The validators that `compile.ts` generates from the schemas. */

import type { FromSchema } from 'json-schema-to-ts';
import type { Check } from '../../core/check.js';
import type { chatSchema } from './chat.js';
import type { completionSchema } from './completion.js';
import type { embeddingsSchema } from './embeddings.js';
import type { legacySchema } from './legacy.js';
import type { inputItemsSchema, responsesSchema, retrieveSchema } from './responses.js';
import type { listChatsSchema, listMessagesSchema, updateChatSchema } from './stored-chats.js';
import type { detokenizeSchema, tokenizeSchema } from './tokens.js';

export const chat: Check<FromSchema<typeof chatSchema>>;
export const completion: Check<FromSchema<typeof completionSchema>>;
export const embeddings: Check<FromSchema<typeof embeddingsSchema>>;
export const tokenize: Check<FromSchema<typeof tokenizeSchema>>;
export const detokenize: Check<FromSchema<typeof detokenizeSchema>>;
export const legacy: Check<FromSchema<typeof legacySchema>>;
export const responses: Check<FromSchema<typeof responsesSchema>>;
export const retrieve: Check<FromSchema<typeof retrieveSchema>>;
export const updateChat: Check<FromSchema<typeof updateChatSchema>>;
export const listChats: Check<FromSchema<typeof listChatsSchema>>;
export const listMessages: Check<FromSchema<typeof listMessagesSchema>>;
export const inputItems: Check<FromSchema<typeof inputItemsSchema>>;

/**
 * Run by the build: compiles the schemas of a room to JavaScript, so that no start has to load a validator library and parse the schemas.
 * Its argument names the room.
 */

import { Ajv2020 } from 'ajv/dist/2020.js';
import standalone from 'ajv/dist/standalone/index.js';
import { countTokensSchema, messagesSchema } from '../anthropic/schemas/messages.js';
import { chatSchema } from '../openai/schemas/chat.js';
import { completionSchema } from '../openai/schemas/completion.js';
import { embeddingsSchema } from '../openai/schemas/embeddings.js';
import { legacySchema } from '../openai/schemas/legacy.js';
import { inputItemsSchema, responsesSchema, retrieveSchema } from '../openai/schemas/responses.js';
import { listChatsSchema, listMessagesSchema, updateChatSchema } from '../openai/schemas/stored-chats.js';
import { detokenizeSchema, tokenizeSchema } from '../openai/schemas/tokens.js';
import {
  failuresSchema,
  ownErrorSchema,
  ownMessageSchema,
  ownReplySchema,
  ownUseSchema,
  requestsQuerySchema,
} from '../testing/schemas/test-api.js';

import { conversationQuerySchema, conversationsQuerySchema, searchQuerySchema } from './schemas/looking.js';

/** The schemas of each room, by the names of their validators in its `checks.d.ts`. */
const ROOMS: Readonly<Record<string, Readonly<Record<string, { readonly $id: string }>>>> = {
  openai: {
    chat: chatSchema,
    completion: completionSchema,
    embeddings: embeddingsSchema,
    legacy: legacySchema,
    tokenize: tokenizeSchema,
    detokenize: detokenizeSchema,
    responses: responsesSchema,
    retrieve: retrieveSchema,
    inputItems: inputItemsSchema,
    updateChat: updateChatSchema,
    listChats: listChatsSchema,
    listMessages: listMessagesSchema,
  },
  api: {
    conversationQuery: conversationQuerySchema,
    conversationsQuery: conversationsQuerySchema,
    searchQuery: searchQuerySchema,
  },
  anthropic: { messages: messagesSchema, countTokens: countTokensSchema },
  testing: {
    failures: failuresSchema,
    ownReply: ownReplySchema,
    ownMessage: ownMessageSchema,
    ownError: ownErrorSchema,
    ownUse: ownUseSchema,
    requestsQuery: requestsQuerySchema,
  },
};

const schemas = ROOMS[process.argv[2] ?? ''] ?? {};

/** Every schema that has an `$id`, by that name. Schemas that contain it refer to it. */
const named = new Map<string, object>();

function refer(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(refer);
  if (typeof value !== 'object' || value === null) return value;
  const schema = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, refer(each)]));
  if (typeof schema.$id !== 'string') return schema;
  named.set(schema.$id, schema);
  return { $ref: schema.$id };
}

Object.values(schemas).forEach(refer);

const ajv = new Ajv2020({
  // Lengths of texts are JavaScript's: counting code points would need a module of Ajv at run time. Ajv warns of this option at each build.
  unicode: false,
  logger: false,
  schemas: [...named.values()],
  // Each schema becomes a function of its own: V8 doesn't optimize a function that is too long, and validation then takes thirty times as
  // long.
  inlineRefs: false,
  code: { source: true, esm: true },
  discriminator: true,
  allowUnionTypes: true,
  strictTypes: false,
  strictRequired: false,
  strictTuples: false,
  // Errors contain the value, and what was expected of it.
  verbose: true,
});
const names = Object.fromEntries(Object.entries(schemas).map(([name, { $id }]) => [name, $id]));

process.stdout.write(standalone.default(ajv, names));

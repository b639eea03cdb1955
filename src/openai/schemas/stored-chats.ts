import { metadataField } from './common.js';

/** The body of `POST /v1/chat/completions/{id}`. */
export const updateChatSchema = {
  $id: 'UpdateChatCompletionRequest',
  type: 'object',
  required: ['metadata'],
  properties: {
    metadata: { ...metadataField, description: 'Replaces the metadata of the completion.' },
  },
} as const;

const pageFields = {
  limit: {
    type: 'integer',
    minimum: 0,
    maximum: 100,
    description: 'The maximum number of objects; 20 by default.',
  },
  order: {
    type: 'string',
    enum: ['asc', 'desc'],
    description: '`asc`, the default, begins with the oldest; `desc` with the newest.',
  },
  after: { type: 'string', description: 'The list begins after the object with this id.' },
} as const;

/** The query of `GET /v1/chat/completions`. */
export const listChatsSchema = {
  $id: 'ListChatCompletionsQuery',
  type: 'object',
  properties: {
    ...pageFields,
    model: { type: 'string', description: 'Lists only completions of requests with this `model`.' },
    metadata: {
      ...metadataField,
      type: 'object',
      description: 'Lists only completions that have these pairs: `metadata[key]=value`.',
    },
  },
} as const;

/** The query of `GET /v1/chat/completions/{id}/messages`. */
export const listMessagesSchema = {
  $id: 'ListChatMessagesQuery',
  type: 'object',
  properties: pageFields,
} as const;

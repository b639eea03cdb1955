import { byteCount } from '../../core/bytes.js';
import { AppError } from '../../core/errors.js';
import { after, type MaybePromise } from '../../core/maybe-promise.js';
import { allInSteps } from '../../core/steps.js';
import type { Metadata } from '../../openai/chat-request.js';
import {
  chatPage,
  type ListQuery,
  messageList,
  parseListQuery,
  parseMessagesQuery,
  parseUpdate,
  type StoredChat,
  spelledChat,
  spelledChats,
} from '../../openai/stored-chats.js';
import { type Answered, type Endpoint, jsonOf, type RequestContext } from '../endpoint.js';
import { valuesOf } from '../query-values.js';
import type { Store } from '../store.js';
import type { Substitutes } from '../substitutes.js';

type Chats = Store<StoredChat>;

/** `GET /v1/chat/completions`: the stored completions. */
export function chatList(store: Chats, substitutes: Substitutes | undefined): Endpoint<ListQuery> {
  return {
    parse: ({ query }) => parseListQuery(valuesOf(query, 'limit')),
    answer: (query, context) => {
      const chats = store.all();
      const isUnknown = substitutes !== undefined && chats.every(({ id }) => id !== query.after);
      const page = chatPage(chats, isUnknown ? { ...query, after: undefined } : query);
      const data = allInSteps(page.data, (chat) => held(spelledChat(chat), context));
      return after(data, (data): Answered => spelled(spelledChats(page, data)));
    },
  };
}

/** `GET /v1/chat/completions/{id}`: a stored completion. */
export function chatById(store: Chats, substitutes: Substitutes | undefined): Endpoint<string> {
  return {
    parse: ({ params: { id = '' } }) => id,
    answer: (id, context) =>
      after(chatOf(store, substitutes, id), (chat) => spelled(held(spelledChat(chat), context))),
  };
}

/** `POST /v1/chat/completions/{id}`: replaces the metadata of a stored completion. */
export function updateChat(
  store: Chats,
  substitutes: Substitutes | undefined,
): Endpoint<{ readonly id: string; readonly metadata: Metadata }> {
  return {
    parse: ({ params: { id = '' }, body }) => ({ id, metadata: parseUpdate(body) }),
    answer: ({ id, metadata }, context) => {
      const stored = store.get(id);
      if (stored !== undefined) store.set(id, { ...stored, metadata });
      return after(stored ?? chatOf(store, substitutes, id), (chat) =>
        spelled(held(spelledChat({ ...chat, metadata }), context)),
      );
    },
  };
}

/** `DELETE /v1/chat/completions/{id}`: deletes a stored completion. */
export function deleteChat(store: Chats, substitutes: Substitutes | undefined): Endpoint<string> {
  return {
    parse: ({ params: { id = '' } }) => id,
    answer: (id) => {
      if (!store.delete(id) && substitutes === undefined) throw notFound(id);
      return jsonOf({ object: 'chat.completion.deleted', id, deleted: true });
    },
  };
}

/** `GET /v1/chat/completions/{id}/messages`: the messages that a stored completion answers. */
export function chatMessages(
  store: Chats,
  substitutes: Substitutes | undefined,
): Endpoint<{ readonly id: string; readonly query: ReturnType<typeof parseMessagesQuery> }> {
  return {
    parse: ({ params: { id = '' }, query }) => ({ id, query: parseMessagesQuery(valuesOf(query, 'limit')) }),
    answer: ({ id, query }, context) => {
      const chat = store.get(id);
      if (chat !== undefined) {
        context.holdAnswer(store.jsonBytesOf(id));
        return jsonOf(messageList(chat, query));
      }
      if (substitutes === undefined) throw notFound(id);
      return jsonOf(messageList({ id, messages: [] }, {}));
    },
  };
}

/** @throws AppError if the completion isn't stored and has no substitute */
function chatOf(store: Chats, substitutes: Substitutes | undefined, id: string): MaybePromise<StoredChat> {
  const chat = store.get(id) ?? substitutes?.chat(id);
  if (chat === undefined) throw notFound(id);
  return chat;
}

function notFound(id: string): AppError {
  return new AppError('object_not_found', { message: `Chat completion with id '${id}' not found.` });
}

/** @throws AppError if there is no memory for the text */
function held(text: string, context: RequestContext): string {
  context.holdAnswer(byteCount(text.length));
  return text;
}

function spelled(text: string): Answered {
  return { content: { kind: 'json', spelled: text } };
}

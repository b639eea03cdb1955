import { byteCount } from '../../core/bytes.js';
import { AppError } from '../../core/errors.js';
import { after, all, type MaybePromise } from '../../core/maybe-promise.js';
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
import type { KeptChats } from '../kept.js';
import { valuesOf } from '../query-values.js';
import type { Substitutes } from '../substitutes.js';

/** `GET /v1/chat/completions`: the stored completions. */
export function chatList(store: KeptChats, substitutes: Substitutes | undefined): Endpoint<ListQuery> {
  return {
    parse: ({ query }) => parseListQuery(valuesOf(query, 'limit')),
    answer: (query, context) =>
      after(store.list(), (listed) => {
        const isUnknown = substitutes !== undefined && listed.every(({ id }) => id !== query.after);
        const page = chatPage(listed, isUnknown ? { ...query, after: undefined } : query);
        const found = all(page.data, ({ id }) => store.get(id));
        return after(found, (found) => {
          // Others may have deleted some of them in the meantime.
          const chats = found.filter((chat) => chat !== undefined);
          const data = allInSteps(chats, (chat) => held(spelledChat(chat), context));
          return after(data, (data): Answered => spelled(spelledChats({ ...page, data: chats }, data)));
        });
      }),
  };
}

/** `GET /v1/chat/completions/{id}`: a stored completion. */
export function chatById(store: KeptChats, substitutes: Substitutes | undefined): Endpoint<string> {
  return {
    parse: ({ params: { id = '' } }) => id,
    answer: (id, context) =>
      after(chatOf(store, substitutes, id), (chat) => spelled(held(spelledChat(chat), context))),
  };
}

/** `POST /v1/chat/completions/{id}`: replaces the metadata of a stored completion. */
export function updateChat(
  store: KeptChats,
  substitutes: Substitutes | undefined,
): Endpoint<{ readonly id: string; readonly metadata: Metadata }> {
  return {
    parse: ({ params: { id = '' }, body }) => ({ id, metadata: parseUpdate(body) }),
    answer: ({ id, metadata }, context) =>
      after(store.get(id), (stored) => {
        const updated = stored && store.set(id, { ...stored, metadata });
        return after(updated, () =>
          after(stored ?? substituteOf(substitutes, id), (chat) =>
            spelled(held(spelledChat({ ...chat, metadata }), context)),
          ),
        );
      }),
  };
}

/** `DELETE /v1/chat/completions/{id}`: deletes a stored completion. */
export function deleteChat(store: KeptChats, substitutes: Substitutes | undefined): Endpoint<string> {
  return {
    parse: ({ params: { id = '' } }) => id,
    answer: (id) =>
      after(store.delete(id), (wasStored) => {
        if (!wasStored && substitutes === undefined) throw notFound(id);
        return jsonOf({ object: 'chat.completion.deleted', id, deleted: true });
      }),
  };
}

/** `GET /v1/chat/completions/{id}/messages`: the messages that a stored completion answers. */
export function chatMessages(
  store: KeptChats,
  substitutes: Substitutes | undefined,
): Endpoint<{ readonly id: string; readonly query: ReturnType<typeof parseMessagesQuery> }> {
  return {
    parse: ({ params: { id = '' }, query }) => ({ id, query: parseMessagesQuery(valuesOf(query, 'limit')) }),
    answer: ({ id, query }, context) =>
      after(store.get(id), (chat) => {
        if (chat !== undefined) {
          context.holdAnswer(store.jsonBytesOf(id, chat));
          return jsonOf(messageList(chat, query));
        }
        if (substitutes === undefined) throw notFound(id);
        return jsonOf(messageList({ id, messages: [] }, {}));
      }),
  };
}

/** @throws AppError, at once or as a rejection, if the completion isn't stored and has no substitute */
function chatOf(
  store: KeptChats,
  substitutes: Substitutes | undefined,
  id: string,
): MaybePromise<StoredChat> {
  return after(store.get(id), (chat) => chat ?? substituteOf(substitutes, id));
}

/** @throws AppError if there are no substitutes */
function substituteOf(substitutes: Substitutes | undefined, id: string): MaybePromise<StoredChat> {
  if (substitutes === undefined) throw notFound(id);
  return substitutes.chat(id);
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

/** Chat completions that are stored, and their messages. */

import { checked } from '../core/check.js';
import type { EventStream, Head, StreamPart } from '../core/event-stream.js';
import { spell } from '../core/spelled-text.js';
import type { ChatMessages, Metadata } from './chat-request.js';
import { type Page, type PageQuery, pageFields, pageOf } from './pages.js';
import { listChats, listMessages, updateChat } from './schemas/checks.js';

/** A stored chat completion. */
export interface StoredChat {
  readonly id: string;
  /** The model's name in the request. */
  readonly model: string;
  /** The body of the answer without its closing brace, a byte string. */
  readonly body: string;
  readonly metadata: Metadata;
  /** The messages of the request. */
  readonly messages: ChatMessages;
}

/** The body of an answer, with its id and its date, but without its closing brace. */
export function bodyOf([, afterId = '', ...afterDate]: Head, id: string, created: number): string {
  return `{"id":${spell(id)}${afterId.slice(1)}${created}${afterDate.join('').slice(0, -1)}`;
}

/** A stream whose events have this id and this date. */
export function namedStream(stream: EventStream, digits: string, created: number): EventStream {
  const [before = '', between = '', ...afterDate] = stream.head ?? [];
  const head = `${before}${digits}${between}${created}${afterDate.join('')}`;
  const named = (part: StreamPart): StreamPart => {
    if (typeof part === 'string') return head + part;
    return typeof part === 'function' ? () => head + part() : { ...part, before: head + part.before };
  };
  return { ...stream, head: undefined, parts: stream.parts.map(named) };
}

/** The JSON of a stored completion: what was answered, and its metadata. */
export function spelledChat({ body, metadata }: StoredChat): string {
  return `${body},"metadata":${spell(metadata)}}`;
}

/** Parses the body of `POST /v1/chat/completions/{id}`. */
export function parseUpdate(body: unknown): Metadata {
  return checked(updateChat, body).metadata ?? {};
}

/** The query of a list of chat completions. */
export interface ListQuery extends PageQuery {
  readonly model?: string | undefined;
  /** The pairs that a completion must have. */
  readonly metadata: Metadata;
}

/**
 * Parses the query of `GET /v1/chat/completions`. Pairs of metadata are fields of their own: `metadata[key]=value`.
 *
 * @throws AppError that names the first invalid field
 */
export function parseListQuery(query: object): ListQuery {
  const pairs = Object.entries(query).flatMap(([name, value]) => {
    const [, key] = /^metadata\[(.*)\]$/s.exec(name) ?? [];
    return key === undefined ? [] : [[key, value] as const];
  });
  return checked(listChats, { ...query, metadata: Object.fromEntries(pairs) }) as ListQuery;
}

/** What a list is searched for. */
export type ListedChat = Pick<StoredChat, 'id' | 'model' | 'metadata'>;

/** A page of the stored completions, oldest first. */
export function chatPage(chats: readonly ListedChat[], query: ListQuery): Page<ListedChat> {
  const { model, metadata } = query;
  const pairs = Object.entries(metadata);
  const found = chats.filter(
    (chat) =>
      (model === undefined || chat.model === model) &&
      pairs.every(([key, value]) => Object.hasOwn(chat.metadata, key) && chat.metadata[key] === value),
  );
  return pageOf(found, query, 'asc');
}

/**
 * The body of a list of completions.
 *
 * @param data the completions of the page as JSON
 */
export function spelledChats(page: Page<ListedChat>, data: readonly string[]): string {
  return `{"object":"list","data":[${data.join(',')}],${spell(pageFields(page)).slice(1)}`;
}

/** Parses the query of `GET /v1/chat/completions/{id}/messages`. */
export function parseMessagesQuery(query: object) {
  return checked(listMessages, query);
}

/** The body of that list: the messages of the request, oldest first. */
export function messageList(
  { id, messages }: Pick<StoredChat, 'id' | 'messages'>,
  query: ReturnType<typeof parseMessagesQuery>,
): object {
  const listed = messages.map((message, index) => storedMessage(message, `${id}-${index}`));
  const page = pageOf(listed, query, 'asc');
  return { object: 'list', data: page.data, ...pageFields(page) };
}

/** Types of content parts that a stored message lists. */
const LISTED_PARTS: readonly string[] = ['text', 'image_url'];

function storedMessage(message: ChatMessages[number], id: string) {
  const { content, name } = message;
  const parts = Array.isArray(content) ? content : undefined;
  const texts = parts?.flatMap(({ text }) => (typeof text === 'string' ? [text] : []));
  return {
    ...message,
    id,
    content: texts?.join('') ?? content ?? null,
    name: name ?? null,
    content_parts: parts?.filter(({ type }) => LISTED_PARTS.includes(type)) ?? null,
  };
}

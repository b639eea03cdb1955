/** What is kept to be continued and retrieved: responses, compacted conversations and chat completions. */

import { KEPT_LIFE_MS, STORED_BYTES, STORED_MAX } from '../core/limits.js';
import type { Message } from '../core/query.js';
import type { NamedItem } from '../openai/responses-items.js';
import type { ResponseObject } from '../openai/responses-response.js';
import type { ListedChat, StoredChat } from '../openai/stored-chats.js';
import type { Objects, Store } from '../store/store.js';

/** A response, and the input that it answers. */
export interface StoredResponse {
  readonly response: ResponseObject;
  readonly input: readonly NamedItem[];
}

/** Responses, by their ids. */
export type KeptResponses = Objects<StoredResponse>;

/** The messages of compacted conversations, by the ids of their items. */
export type KeptMessages = Objects<readonly Message[]>;

/** Chat completions, by their ids. */
export type KeptChats = Objects<StoredChat, ListedChat>;

const LIMITS = { lifeMs: KEPT_LIFE_MS, countMax: STORED_MAX, bytesMax: STORED_BYTES };

/** The responses in a store. */
export function keptResponses(store: Store): KeptResponses {
  return store.objects({ name: 'response', isRenewed: true, ...LIMITS });
}

/** The messages of compacted conversations in a store. */
export function keptMessages(store: Store): KeptMessages {
  return store.objects({ name: 'compacted', isRenewed: true, ...LIMITS });
}

/** The chat completions in a store. */
export function keptChats(store: Store): KeptChats {
  const listed = ({ id, model, metadata }: StoredChat): ListedChat => ({ id, model, metadata });
  return store.objects({ name: 'chat', isRenewed: false, ...LIMITS, listed });
}

import type { Turn } from '../core/conversation.js';
import type { Rung } from '../core/match.js';
import type { Query } from '../core/query.js';

/** A recorded reply that answers a query. */
export interface Match {
  readonly rung: Rung;
  readonly reply: Turn;
  /** The id of the conversation it stands in; the record's place in the file, from 0, if it has none. */
  readonly conversationId: string;
  /** Place of the reply among the conversation's turns, from 0. */
  readonly replyIndex: number;
}

/** Finds recorded replies. Every implementation gives the same answer to the same query. */
export interface Lookup {
  /**
   * The match for a query, undefined if there is none.
   *
   * @param signal ends the search when the answer is no longer wanted; the promise then rejects with its reason
   * @throws AppError when the dataset can't be read, or too much is asked at once
   */
  find(query: Query, signal?: AbortSignal): Promise<Match | undefined>;
}

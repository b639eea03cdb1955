import type { Turn } from '../core/conversation.js';
import type { IndexTable } from '../core/index-table.js';
import type { Rung } from '../core/match.js';
import type { Query } from '../core/query.js';

/** The turns of a match in the index that has found it: their tokens are counted there. */
export interface MatchRows {
  readonly table: IndexTable;
  /** The row of the prompt; that of the reply is the next one. */
  readonly prompt: number;
  /** The row of the first turn that agrees with a message of the query; behind the prompt's if none does. */
  readonly first: number;
  /** The history of the query that they agree with. */
  readonly history: number;
}

/** A recorded reply that answers a query. */
export interface Match {
  readonly rung: Rung;
  readonly reply: Turn;
  /** The id of the conversation it stands in; the record's place in the file, from 0, if it has none. */
  readonly conversationId: string;
  /** Place of the reply among the conversation's turns, from 0. */
  readonly replyIndex: number;
  /** Undefined if no index has found it. */
  readonly rows?: MatchRows;
}

/** A match, its reply as it is spelled. It is a text, and calls no function. */
export interface SpelledMatch extends Omit<Match, 'reply'> {
  /** The reply's text as `JSON.stringify` spells it, quotes included; a byte string: each character is a byte of UTF-8. */
  readonly spelled: string;
}

/** A turn that is like a prompt which has no reply. */
export interface Alike {
  readonly conversationId: string;
  /** Its place among the conversation's turns, from 0. */
  readonly turnIndex: number;
  /** True if the turn equals the prompt, white space aside, and is its conversation's last; else it begins alike. */
  readonly lacksReply: boolean;
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
  /**
   * The match for a query, if it is known at once, and its reply is a text; undefined if there is none, or if it takes longer.
   * Never fails.
   */
  findNow(query: Query): SpelledMatch | undefined;
}

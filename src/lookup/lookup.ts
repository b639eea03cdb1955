import type { Rung } from '../core/match.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import type { RecordedReply } from './recorded-reply.js';

/** How many tokens a turn has. The index keeps the count for whoever asks next. */
export interface TokenCount {
  /** 0 while it was not counted. */
  tokens: number;
}

/** The token counts of the turns that a match consists of. */
export interface MatchTokens {
  /** The history of the query that the turns agree with. */
  readonly history: number;
  readonly reply: TokenCount;
  /** Those of the messages of that history that turns agree with, the last message first. */
  messages(): readonly TokenCount[];
}

/** A recorded reply that answers a query. */
export interface Match {
  readonly rung: Rung;
  readonly reply: RecordedReply;
  /** The id of the conversation it stands in; the record's place in the file, from 0, if it has none. */
  readonly conversationId: string;
  /** Place of the reply among the conversation's turns, from 0. */
  readonly replyIndex: number;
  /** The id of the model that it is from, where several were asked. */
  readonly dataset?: string | undefined;
  /** Undefined if no index has found it. */
  readonly tokens?: MatchTokens | undefined;
}

/** A reply that stands in where none was recorded. */
export interface StandIn {
  readonly rung?: undefined;
  readonly dataset?: undefined;
  readonly reply: RecordedReply;
  readonly tokens?: undefined;
}

/** What a prompt is answered from. */
export type Given = Match | StandIn;

/** A turn that is like a prompt which has no reply. */
export interface Similar {
  readonly conversationId: string;
  /** Its place among the conversation's turns, from 0. */
  readonly turnIndex: number;
  /** True if the turn equals the prompt, white space aside, and is its conversation's last; else it begins alike. */
  readonly lacksReply: boolean;
}

/** Finds recorded replies. Every implementation gives the same answer to the same query. */
export interface Lookup {
  /** True while replies are found without a sweep: remembering them elsewhere gains nothing then. */
  readonly isImmediate: boolean;
  /**
   * The match for a query, undefined if there is none; a promise of it only where the dataset has to be swept, or many texts to be compared.
   *
   * @param signal tells when the answer is no longer wanted; the promise then rejects with its reason. Asked for only where somebody waits
   * @throws AppError, at once or as a rejection, when the dataset can't be read, or too much is asked at once
   */
  find(query: Query, signal?: () => AbortSignal): MaybePromise<Match | undefined>;
}

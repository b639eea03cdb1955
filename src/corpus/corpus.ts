/** A dataset to look at: its conversations by number and by id, and what is repeated in it. */

import type { FunctionCall } from '../core/calls.js';
import type { SearchOrder, SearchReport } from './search.js';

/** What a list says of a record. */
export interface ConversationLine {
  /** The place of the record among all of the dataset, from 0. */
  readonly number: number;
  /** The id of the record; without one, its place among the records of its file, as in `x-verbatim-source`. */
  readonly source: string;
  /** The record's own id, if it has one. */
  readonly id: string | undefined;
  /** How many turns it has; undefined if it isn't a conversation. */
  readonly turns: number | undefined;
  /** The beginning of the first prompt, or of the first turn if no turn is a user's; undefined without a turn. */
  readonly prompt: string | undefined;
  /** The tokens of all turns; undefined until they are counted, and for what an index doesn't have. */
  readonly tokens: number | undefined;
  /** The length of the record. */
  readonly bytes: number;
}

/** Some lines. */
export interface ConversationPage {
  /** The number of records; undefined until it is known. */
  readonly total: number | undefined;
  readonly lines: readonly ConversationLine[];
}

/** A turn, with all that is recorded of it. */
export interface RecordedTurn {
  readonly role: string;
  /** The name of the role, as recorded. */
  readonly from: string;
  readonly text: string;
  /** The length of the text as `JSON.stringify` spells it, in bytes, without quotes. */
  readonly length: number;
  readonly tokens: number | undefined;
  readonly reasoning: string | undefined;
  readonly calls: readonly FunctionCall[] | undefined;
}

/** A record, with all that it has. One that isn't a conversation has no turns. */
export interface RecordedConversation extends Omit<ConversationLine, 'turns' | 'prompt' | 'tokens'> {
  readonly total: number | undefined;
  readonly isSkipped: boolean;
  readonly system: string | undefined;
  readonly tools: unknown;
  readonly turns: readonly RecordedTurn[];
  /** Its other fields. */
  readonly other: Readonly<Record<string, unknown>>;
  /** Its own text, if that was wanted; undefined if it is too long. */
  readonly raw: string | undefined;
}

/** A prompt that several conversations have, or one several times. */
export interface RepeatedPrompt {
  /** The beginning of the text. */
  readonly text: string;
  /** The length of the turn, in bytes. */
  readonly length: number;
  readonly count: number;
  /** The first conversation that has it, and which of its turns it is. */
  readonly number: number;
  readonly turn: number;
}

/** Aborts what a client waits for. */
export type Signal = () => AbortSignal;

/** A dataset to look at. All of its methods reject with an AppError if the file can't be read, or is being replaced. */
export interface Corpus {
  /** The number of records; undefined until it is known. */
  readonly total: number | undefined;
  /** At most `limit` records from number `from` on. */
  conversations(from: number, limit: number, signal?: Signal): Promise<ConversationPage>;
  /** The first `limit` records whose `source` is this. */
  byId(id: string, limit: number, signal?: Signal): Promise<ConversationPage>;
  /** The record with a number; undefined if there are fewer. @param isRaw true if its own text is wanted */
  conversation(number: number, isRaw: boolean, signal?: Signal): Promise<RecordedConversation | undefined>;
  /**
   * Searches the texts of all turns.
   *
   * @throws AppError if the file can't be read, or has changed; the signal's reason once it is aborted
   */
  search(order: SearchOrder, signal: AbortSignal): AsyncIterable<SearchReport>;
  /** The most repeated prompts, the most repeated one first; undefined without an index. */
  repeated(signal?: Signal): Promise<readonly RepeatedPrompt[] | undefined>;
}

import type { Rung } from '../core/match.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import type { RecordedReply } from './recorded-reply.js';

/** The token count of a turn. The index stores a count that is assigned to it. */
export interface TokenCount {
  /** 0 until it is counted. */
  tokens: number;
}

/** The token counts of the turns that make up a match. */
export interface MatchTokens {
  /** The index of the query's history that the turns match. */
  readonly history: number;
  readonly reply: TokenCount;
  /** The counts for the messages of that history that match turns, the last message first. */
  messages(): readonly TokenCount[];
}

/** A recorded reply that answers a query. */
export interface Match {
  readonly rung: Rung;
  /** True if only the rules of `NORMALIZE` make the prompt equal a turn. */
  readonly isRuled?: boolean;
  readonly reply: RecordedReply;
  /** True if a limit has ended the reply when it was recorded. */
  readonly isLimited?: boolean;
  /** The id of its conversation. If that has none: the record's index in the file, from 0. */
  readonly conversationId: string;
  /** The reply's index among the conversation's turns, from 0. */
  readonly replyIndex: number;
  /** The id of the model that it comes from, if several were searched. */
  readonly dataset?: string | undefined;
  /** Undefined unless an index found the match. */
  readonly tokens?: MatchTokens | undefined;
}

/** A substitute reply, for a prompt that has no recorded one. */
export interface StandIn {
  readonly rung?: undefined;
  readonly isLimited?: undefined;
  readonly dataset?: undefined;
  readonly reply: RecordedReply;
  readonly tokens?: undefined;
}

/** A reply that a test gave: see `src/testing`. */
export interface Override {
  readonly rung: 'override';
  readonly isLimited?: undefined;
  readonly conversationId: 'override';
  /** Its number among all that were given, from 1. */
  readonly replyIndex: number;
  readonly dataset?: undefined;
  readonly reply: RecordedReply;
  readonly tokens?: undefined;
}

/** A recorded reply to a turn that is only near the prompt. */
export interface NearMatch extends Omit<Match, 'rung'> {
  readonly rung: 'nearest';
  /** The score of the turn for the prompt, 0 to 1: see core/score.ts. */
  readonly score: number;
  /** The text of the turn. */
  readonly text: string;
}

/** Which turns near a prompt are searched for. */
export interface NearestQuery {
  readonly query: Query;
  /** How many turns are wanted. */
  readonly count: number;
  /** The score that a turn must have at least. */
  readonly scoreMin: number;
  /** True for turns that can answer: as many messages as turns are before it, and its reply is an assistant's. */
  readonly isAnswer: boolean;
  /** Bytes of turns that may be read; then the best so far are taken. */
  readonly bytesMax: number;
  /** True to wait until the search is possible; false to find nothing until then. */
  readonly waits: boolean;
}

/** Finds turns for prompts without a match, and explains matches. */
export interface NearestLookup {
  /** The turns that have the prompt of a query; undefined without an index. */
  sharing(query: Query, signal?: () => AbortSignal): MaybePromise<Sharing | undefined>;
  /**
   * The turns whose sketches are nearest to each prompt that `soughtBy` makes of the query.
   *
   * @throws AppError, synchronously or as a rejection, if the dataset can't be read
   */
  candidates(asked: NearestQuery, signal?: () => AbortSignal): MaybePromise<Candidates>;
}

/** A turn whose sketch is near. */
export interface NearCandidate {
  /** How many bits of the sketches differ. */
  readonly distance: number;
  /** How many turns that aren't empty are before it. */
  readonly depth: number;
  /** Its length in the file, in bytes. */
  readonly bytes: number;
  /** Its place in the order of all that was searched: the number of each layer, then its own. */
  readonly order: readonly number[];
  /** The id of the model that it comes from, if several were searched. */
  readonly dataset?: string | undefined;
  /** @throws AppError if the dataset can't be read, or has changed */
  readonly text: () => string;
  /**
   * The recorded reply to it; undefined if the bytes in the file are something else.
   *
   * @throws AppError
   */
  readonly reply: () => Omit<Match, 'rung'> | undefined;
}

/** For each prompt that is sought the turns that are near: those whose sketches are nearest first. Empty if nothing was searched. */
export type Candidates = readonly (readonly NearCandidate[])[];

/** A turn that has the prompt of a query. */
export interface SharingTurn extends Pick<Match, 'reply' | 'conversationId' | 'replyIndex' | 'dataset'> {
  readonly rung: 'prompt' | 'normalized';
  /** How many turns before it agree with the messages before the prompt. */
  readonly preceding: number;
  /** True if those are all turns and all messages. */
  readonly isWhole: boolean;
}

/** The turns that have the prompt of a query and a reply. */
export interface Sharing {
  /** How many equal the prompt, and how many do so only if white space is normalized. */
  readonly exact: number;
  readonly normalized: number;
  /** The first of them, as `compareSharing` orders them. */
  readonly turns: readonly SharingTurn[];
}

/** Orders turns that have a prompt: equal texts first, then those with more turns before them that agree. */
export function compareSharing(
  one: Pick<SharingTurn, 'rung' | 'preceding' | 'isWhole'>,
  other: Pick<SharingTurn, 'rung' | 'preceding' | 'isWhole'>,
): number {
  const isExact = ({ rung }: Pick<SharingTurn, 'rung'>) => Number(rung === 'prompt');
  return (
    isExact(other) - isExact(one) ||
    Number(other.isWhole) - Number(one.isWhole) ||
    other.preceding - one.preceding
  );
}

/** The answer to a prompt: a match, a substitute, or a test's own reply. */
export type Given = Match | NearMatch | StandIn | Override;

/** A turn that is near a prompt which has no reply. */
export interface Similar {
  readonly conversationId: string;
  /** The turn's index among the conversation's turns, from 0. */
  readonly turnIndex: number;
  readonly text: string;
  /**
   * What they have in common: `unanswered` turns equal the prompt, white space aside, and are their conversation's last; `spelling`: they
   * have the same letters; `part`: the prompt has all letters of the turn, and others before or after them; `beginning`: the same first
   * letters.
   */
  readonly relation: 'unanswered' | 'spelling' | 'part' | 'beginning';
  /** Of a `beginning`: the place in the prompt of the first letter that differs, from 0. */
  readonly differsAt: number;
}

/** Finds recorded replies. Every implementation returns the same match for the same query. */
export interface Lookup {
  /** True while replies are found without a sweep: caching them gains nothing then. */
  readonly isImmediate: boolean;
  /**
   * The match for a query; undefined on a miss. It is a promise only if the dataset has to be swept, or many texts have to be compared.
   *
   * @param signal aborts the lookup: the promise then rejects with the signal's reason. Called only if the lookup has to wait
   * @throws AppError, synchronously or as a rejection, if the dataset can't be read, or if there are too many lookups
   */
  find(query: Query, signal?: () => AbortSignal): MaybePromise<Match | undefined>;
}

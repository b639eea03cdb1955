import type { Pieces } from './event-stream.js';
import type { SpelledText } from './spelled-text.js';

/** A reply as it is sent: the part of the recorded reply that the request allows. */
export interface Reply {
  readonly content: SpelledText;
  readonly finishReason: FinishReason;
  /** The stop sequence at which it was cut. */
  readonly stopSequence?: string | undefined;
  /** What comes before the content, if it is recorded apart from it. */
  readonly reasoning?: Reasoning | undefined;
  /** The number of its tokens, with those of the reasoning. */
  readonly tokens: number;
  /** The pieces of the content; undefined if they are words and no chunk reports usage. */
  readonly pieces?: Pieces | undefined;
  /** When its first piece came in a recorded stream, and its last, in ms since the request. */
  readonly recorded?: RecordedTimes | undefined;
  /** The function calls that make up the reply, or that come with its text. */
  readonly calls: readonly ToolCall[];
}

/** When a recorded stream began, and when it ended, in ms since the request. */
interface RecordedTimes {
  readonly firstMs: number;
  readonly lastMs: number;
}

/** What the time of a reply depends on. */
export type TimedReply = Pick<Reply, 'tokens' | 'recorded'>;

/** What a reasoning model wrote before its reply, as it is sent. */
export interface Reasoning {
  readonly content: SpelledText;
  /** The number of its tokens, which are among those of the reply. */
  readonly tokens: number;
  /** The same as in a reply. */
  readonly pieces?: Pieces | undefined;
}

/** A function call as it is sent. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON. */
  readonly arguments: string;
  /** The same as in a reply, for the arguments. */
  readonly pieces?: Pieces | undefined;
}

/** Why a reply ends: it is complete, or cut at a stop sequence; it reached its token limit; or it calls functions. */
export type FinishReason = 'stop' | 'length' | 'tool_calls';

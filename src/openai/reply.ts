import type { SpelledText } from '../core/spelled-text.js';

/** A reply as it is sent: the part of the recorded reply that the request allows. */
export interface Reply {
  readonly content: SpelledText;
  readonly finishReason: FinishReason;
  /** The number of its tokens. */
  readonly tokens: number;
  /** For each piece of the content, the number of tokens up to its end; undefined if no chunk reports usage. */
  readonly pieceTokens?: Uint32Array | undefined;
  /** The function calls that make up the reply, or that come with its text. */
  readonly calls: readonly ToolCall[];
}

/** A function call as it is sent. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON. */
  readonly arguments: string;
  /** The same as in a reply, for the arguments. */
  readonly pieceTokens?: Uint32Array | undefined;
}

/** Why a reply ends: it is complete, or cut at a stop sequence; it reached its token limit; or it calls functions. */
export type FinishReason = 'stop' | 'length' | 'tool_calls';

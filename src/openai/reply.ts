import type { SpelledText } from '../core/spelled-text.js';

/** A reply as it goes out: as much of what is recorded as was asked for. */
export interface Reply {
  readonly content: SpelledText;
  readonly finishReason: FinishReason;
  /** How many tokens it has. */
  readonly tokens: number;
  /** The tokens of the content's pieces, each with those before it; undefined if no chunk is to tell them. */
  readonly pieceTokens?: Uint32Array | undefined;
  /** The function calls that it is, or that come with its text. */
  readonly calls: readonly ToolCall[];
}

/** A function call as it goes out. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON. */
  readonly arguments: string;
  /** As those of a reply. */
  readonly pieceTokens?: Uint32Array | undefined;
}

/** Why a reply ends: it is whole, or cut at a stop; it is as long as it may be; or it calls functions. */
export type FinishReason = 'stop' | 'length' | 'tool_calls';

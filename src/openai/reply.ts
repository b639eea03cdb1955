/** A reply as it goes out: as much of what is recorded as was asked for. */
export interface Reply {
  readonly text: string;
  readonly finishReason: FinishReason;
  /** How many tokens the text has. */
  readonly tokens: number;
  /** The pieces that a stream sends one by one: joined, they are the text. */
  readonly pieces: Iterable<Piece>;
  /** The function calls that it is, or that come with its text. */
  readonly calls: readonly ToolCall[];
}

/** A function call as it goes out. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON. */
  readonly arguments: string;
  /** The same, in pieces. */
  readonly pieces: Iterable<Piece>;
}

/** Why a reply ends: it is whole, or cut at a stop; it is as long as it may be; or it calls functions. */
export type FinishReason = 'stop' | 'length' | 'tool_calls';

/** A piece of a reply. */
export interface Piece {
  readonly text: string;
  /** How many tokens it has; undefined if nobody wants to know. */
  readonly tokens: number | undefined;
}

/** A reply as it goes out: as much of what is recorded as was asked for. */
export interface Reply {
  readonly text: string;
  readonly finishReason: FinishReason;
  /** How many tokens the text has. */
  readonly tokens: number;
  /** The pieces that a stream sends one by one: joined, they are the text. */
  readonly pieces: readonly Piece[];
}

/** Why a reply ends: it is whole, or cut at a stop; or it is as long as it may be. */
export type FinishReason = 'stop' | 'length';

/** A piece of a reply. */
export interface Piece {
  readonly text: string;
  /** How many tokens it has; undefined if nobody wants to know. */
  readonly tokens: number | undefined;
}

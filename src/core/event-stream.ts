/**
 * Streams of server-sent events, serialized as far as they are the same for all clients. All texts are byte strings: each character is a
 * byte of UTF-8. The sender inserts the id and the date of the answer, and has the kernel cut the texts into pieces.
 */

import type { SpelledText } from './spelled-text.js';

/**
 * The text before the random digits of an id, the text between them and the date, and the rest; without a date, undefined and the text after
 * the id.
 */
export type Head = readonly [beforeId: string, beforeDate: string | undefined, ...rest: string[]];

/** All events of a stream. */
export interface EventStream {
  /** The beginning of each event; undefined if each part has its own. */
  readonly head: Head | undefined;
  /** True if only the first event begins with the head. */
  readonly isHeadOnce?: boolean;
  readonly parts: readonly StreamPart[];
  /** The text after the last event. */
  readonly end: string;
  /** If each event ends with its number, counted from 0: the text after the number. */
  readonly afterNumber?: string;
  /** The number of the first event that is sent, if it isn't the first of all. */
  readonly from?: number;
}

/**
 * One event, from the end of the head to its blank line, or to its number; or a function that serializes it when it is written, for a long
 * event; or the events of a text.
 */
export type StreamPart = string | (() => string) | PieceEvents;

/** How a text is cut into the pieces of a stream. */
export interface Pieces {
  /** For each piece, the number of tokens up to its end. */
  readonly tokens: Uint32Array;
  /** Where each piece ends, in UTF-16 units. Without it, a piece is about a word. */
  readonly ends?: Uint32Array | undefined;
  /** When each piece came in a recorded stream, in ms since the request. */
  readonly atMs?: readonly number[] | undefined;
}

/** The events of a text: one per piece. */
export interface PieceEvents {
  readonly content: SpelledText;
  /** How it is cut, if not into words whose tokens don't matter. */
  readonly pieces?: Pieces | undefined;
  /** The text before the piece, including its opening quote. */
  readonly before: string;
  /**
   * The texts after the piece, from its closing quote to the blank line, or to the event's number. A number is written between two of them.
   */
  readonly after: readonly string[];
  /** The same for the last piece, if it differs. */
  readonly afterLast?: readonly string[] | undefined;
  /**
   * The numbers between the texts in `after`. To each of them is added the entry of `counts` for the piece or, without `counts`, the number
   * of pieces before it.
   */
  readonly numbers?: readonly number[] | undefined;
  readonly counts?: Uint32Array | undefined;
}

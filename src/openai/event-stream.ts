/**
 * Streams of server-sent events, spelled as far as they are the same for all who get them. All texts are byte strings: each character
 * is a byte of UTF-8. The sender puts in what names the answer, and has the kernel cut the texts into pieces.
 */

import type { SpelledText } from '../core/spelled-text.js';

/** What comes before the random digits of an id, between them and the date, and after that. */
export type Head = readonly [beforeId: string, between: string, ...afterDate: string[]];

/** All events of a stream. */
export interface EventStream {
  /** What each event begins with; undefined if that is a part's own. */
  readonly head: Head | undefined;
  readonly parts: readonly StreamPart[];
  /** What follows the last event. */
  readonly end: string;
  /** Where each event ends with its number, counted from 0: what follows the number. */
  readonly afterNumber?: string;
  /** The number of the first event that is sent, where that is not the first of all. */
  readonly from?: number;
}

/**
 * One event, from behind the head to its blank line, or to its number; or what spells it when it is written, for one that is long; or
 * the events of a text.
 */
export type StreamPart = string | (() => string) | PieceEvents;

/** The events of a text: one a piece, which is about a word. */
export interface PieceEvents {
  readonly content: SpelledText;
  /** Before the piece, its opening quote included. */
  readonly before: string;
  /** Behind it, from its closing quote to the blank line, or to its number. Between two parts goes a number. */
  readonly after: readonly string[];
  /** The same of the last piece, where that differs. */
  readonly afterLast?: readonly string[] | undefined;
  /** The numbers, to each of which is added what `counts` has for a piece, or else how many pieces were before it. */
  readonly numbers?: readonly number[] | undefined;
  readonly counts?: Uint32Array | undefined;
}

/** What ends the events of completions. */
export const DONE = 'data: [DONE]\n\n';

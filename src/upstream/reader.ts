import type { Draft } from './draft.js';

/** Reads the answers of one API. */
export interface Reader {
  /** The drafts that it fills, one for each prompt. */
  readonly drafts: readonly Draft[];
  /** True if the request had a token limit. */
  readonly mayBeCut: boolean;
  /** Reads a body. */
  body(fields: Fields): void;
  /** Reads the data of an event. */
  event(fields: Fields, atMs: number): void;
  /** Called after the last event. */
  end(): void;
}

/** The fields of an object, unchecked. */
export type Fields = Readonly<Record<string, unknown>>;

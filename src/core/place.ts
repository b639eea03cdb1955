import type { ByteRange } from './bytes.js';
import type { Candidate } from './match.js';

/** A candidate found by keys, and where the dataset has the bytes that verify it and hold the reply. */
export interface Place extends Candidate {
  /** The conversation's index among all records, from 0. It identifies a conversation without an id. */
  readonly record: number;
  /** The id as written in the file, a JSON string or number; undefined if the record has none. */
  readonly id: ByteRange | undefined;
  /** The turns from the candidate's first one to the reply, including the bytes between them. */
  readonly turns: ByteRange;
}

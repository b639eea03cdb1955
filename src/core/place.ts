import type { ByteRange } from './bytes.js';
import type { Candidate } from './match.js';

/** A candidate that keys have found, and where in the dataset stand the bytes that verify it and that answer. */
export interface Place extends Candidate {
  /** The conversation's place among all records, from 0: its name if it has no id. */
  readonly record: number;
  /** The id as it stands in the file, a JSON string or number; undefined if it has none. */
  readonly id: ByteRange | undefined;
  /** The turns from the candidate's first one to the reply, with what stands between them. */
  readonly turns: ByteRange;
}

/** What a shape of records is. */

import type { Conversation } from '../../core/conversation.js';
import type { FieldMap } from '../../core/field-map.js';
import type { JsonRecord } from './record.js';

/** A shape whose records each hold whole conversations. */
export interface Shape {
  /** The name, as `verbatim check` prints it. */
  readonly name: string;
  /** A record of the shape, as JSON. */
  readonly example: string;
  /** What becomes of its fields, for the documentation. */
  readonly mapping: string;
  /** Every record of the shape has one of these keys, in any case. Undefined if its records are lists. */
  readonly keys: readonly string[] | undefined;
  /** The record's conversations, the most usual first; none if the record isn't of this shape. Never throws. */
  conversations(record: JsonRecord, options: ShapeOptions): readonly Conversation[];
}

/** A shape whose conversations are spread over several records. */
export interface JoinedShape {
  readonly name: string;
  /** Records of one conversation, as JSON lines. */
  readonly example: string;
  readonly mapping: string;
  /** True if the records of one conversation may be in several files of a dataset. */
  readonly joinsFiles: boolean;
  /** True if a record is a part of such a conversation. Never throws. */
  recognizes(record: JsonRecord): boolean;
  /**
   * The conversations of all records that `recognizes` accepts, in the order of their first records. It holds all of them in memory.
   *
   * @param skip called for each record that lacks its counterpart
   */
  join(records: Iterable<NumberedRecord>, skip: SkipRecord): Iterable<JoinedConversation>;
}

/** Takes the place of a record that isn't served, and the reason. */
type SkipRecord = (row: number, reason: string) => void;

/** A record, and its place in the dataset, from 0. */
export interface NumberedRecord {
  readonly row: number;
  readonly record: JsonRecord;
}

/** A conversation, and the place of its first record. */
export interface JoinedConversation extends Conversation {
  readonly row: number;
}

/** What a reader of records may choose. */
export interface ShapeOptions {
  /** The reply that is served where a record has a better and a worse one. */
  readonly prefers: 'chosen' | 'rejected';
  /** The fields of records of an unknown shape. They go before all known shapes. */
  readonly map: FieldMap | undefined;
}

/** What is chosen unless the settings say otherwise. */
export const DEFAULT_SHAPE_OPTIONS: ShapeOptions = { prefers: 'chosen', map: undefined };

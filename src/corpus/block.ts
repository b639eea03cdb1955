/** Reads the records of a block: see index/marks.ts. */

import { lengthOf } from '../core/bytes.js';
import { AppError, DatasetSyntaxError } from '../core/errors.js';
import { BROWSED_BYTES, MARK_BYTES, RECORD_BYTES_MAX } from '../core/limits.js';
import { ROLES, type Role } from '../core/roles.js';
import type { Dataset } from '../dataset/dataset.js';
import type { DatasetReader } from '../dataset/reader.js';
import type { Marks } from '../index/marks.js';
import { LENGTH_MASK } from '../index/table.js';
import { NO_CONVERSATION, RECORD, RECORD_NUMBERS, ROLE_SHIFT, TURN, TURN_NUMBERS } from '../kernel/kernel.js';
import { parseId } from '../lookup/verify.js';
import { InvalidRecordError, type RecordBatch, walk } from '../workers/walk.js';
import { giveKernel, takeKernel } from './idle-kernels.js';

/** Where the records of a file are. */
export interface MarkedFile {
  readonly dataset: Dataset;
  readonly reader: DatasetReader;
  readonly marks: Marks;
}

const LIMITS = { blockBytes: BROWSED_BYTES, recordBytesMax: RECORD_BYTES_MAX };

/**
 * The records of block `i`, in file order. Yields undefined after each read of up to `BROWSED_BYTES`. A record is valid until the next one
 * is requested.
 *
 * @throws AppError if the file can't be read, or has changed
 */
export function* recordsOf(
  { dataset, reader, marks }: MarkedFile,
  i: number,
): Generator<FoundRecord | undefined, void> {
  const range = marks.rangeOf(i);
  const end = marks.recordAt(i + 1);
  // Only the last record of a block may be long. If it is too long to be read, it isn't looked at.
  const isLastUnread = lengthOf(range) > MARK_BYTES + RECORD_BYTES_MAX;
  const walkedEnd = isLastUnread ? end - 1 : end;
  let number = marks.recordAt(i);
  let offset: number = range.start;
  const kernel = takeKernel();
  kernel.wantNone();
  const batches = reader.within((fd) => walk(kernel, fd, dataset, range, () => undefined, LIMITS));
  while (number < walkedEnd) {
    const batch = reader.within(() => nextOf(batches));
    let row = 0;
    for (let at = 0; at < batch.records.length && number < walkedEnd; at += RECORD_NUMBERS) {
      const record = new FoundRecord(number++, batch, at, row, range.end);
      row += record.turns ?? 0;
      offset = record.offset + record.length;
      yield record;
    }
    yield undefined;
  }
  giveKernel(kernel);
  if (isLastUnread) yield new FoundRecord(number, unreadAt(offset), 0, 0, range.end);
}

/** The next batch of a walk. A block has as many records as the census has counted, unless the file has changed. */
function nextOf(batches: Generator<RecordBatch, unknown>): RecordBatch {
  try {
    const { done, value } = batches.next();
    if (done !== true) return value;
  } catch (cause) {
    if (!(cause instanceof InvalidRecordError || cause instanceof DatasetSyntaxError)) throw cause;
    throw new AppError('dataset_changed', { cause });
  }
  throw new AppError('dataset_changed');
}

/** A record, as the kernel has found it. */
export class FoundRecord {
  /** Its number in the file. */
  readonly number: number;
  /** Its offset in the file, and its length in bytes. The length of one that wasn't read may count what separates it from the next one. */
  readonly offset: number;
  readonly length: number;
  /** True if it is too long to be read. */
  readonly isUnread: boolean;
  /** How many turns it has; undefined if it isn't a conversation. */
  readonly turns: number | undefined;
  private readonly batch: RecordRows;
  /** The places of its row, and of that of its first turn. */
  private readonly at: number;
  private readonly row: number;

  /** @param end where the block ends */
  constructor(number: number, batch: RecordRows, at: number, row: number, end: number) {
    this.number = number;
    this.batch = batch;
    this.at = at;
    this.row = row;
    const turns = this.column('turns');
    this.turns = turns === NO_CONVERSATION ? undefined : turns;
    this.offset = batch.base + this.column('start');
    this.isUnread = batch.unread !== undefined;
    this.length = this.isUnread ? end - this.offset : this.column('length');
  }

  /** Its own id, if it has one. */
  get id(): string | undefined {
    const length = this.column('idLength');
    if (this.turns === undefined || length === 0) return undefined;
    const bytes = this.bytesAt(this.column('idStart'), length);
    return parseId(bytes, 0, length);
  }

  /** The id, or its number: see `ConversationLine`. */
  get source(): string {
    return this.id ?? String(this.number);
  }

  /** The bytes of one of its turns. */
  turn(turn: number): Buffer {
    return this.bytesAt(this.ofTurn(turn, 'start'), this.ofTurn(turn, 'length') & LENGTH_MASK);
  }

  /** Whose turn it is. */
  roleOf(turn: number): Role {
    return ROLES[this.ofTurn(turn, 'text') >>> ROLE_SHIFT] as Role;
  }

  private column(name: keyof typeof RECORD): number {
    return this.batch.records[this.at + RECORD[name]] as number;
  }

  private ofTurn(turn: number, name: keyof typeof TURN): number {
    return this.batch.turns[(this.row + turn) * TURN_NUMBERS + TURN[name]] as number;
  }

  /** @param start as in a row */
  private bytesAt(start: number, length: number): Buffer {
    const { base, offset, bytes } = this.batch;
    return Buffer.from(bytes.buffer, bytes.byteOffset + base + start - offset, length);
  }
}

type RecordRows = Pick<RecordBatch, 'base' | 'records' | 'turns' | 'bytes' | 'offset' | 'unread'>;

/** The row of a record that wasn't read. */
function unreadAt(base: number): RecordRows {
  const records = Uint32Array.of(0, 0, NO_CONVERSATION, 0, 0);
  const bytes = new Uint8Array();
  const unread = { text: '', isCutOff: false };
  return { base, records, turns: new Uint32Array(), bytes, offset: 0 as RecordBatch['offset'], unread };
}

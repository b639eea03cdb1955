import type { ByteOffset } from '../core/bytes.js';
import { parseTurn } from '../core/conversation.js';
import { HISTOGRAM_BUCKETS, lengthBucket, turnsBucket } from '../core/histogram.js';
import { EXAMPLE_LENGTH_MAX, EXAMPLE_TRIES_MAX, SKIPPED_OFFSETS_MAX } from '../core/limits.js';
import { parsePythonJson } from '../core/python-json.js';
import { ROLES } from '../core/roles.js';
import type { Counts } from '../dataset/counts.js';
import { MarkList, type Marks } from '../index/marks.js';
import { LENGTH_MASK, NOT_ASSISTANT_FLAG } from '../index/table.js';
import {
  NO_CONVERSATION,
  RECORD,
  RECORD_NUMBERS,
  ROLE_SHIFT,
  TEXT_LENGTH_MASK,
  TURN,
  TURN_NUMBERS,
} from '../kernel/kernel.js';
import type { RecordBatch } from './walk.js';

/** Counts the contents of a shard's batches, and marks some of its records. */
export class ShardCounter {
  records = 0;
  private conversations = 0;
  private turns = 0;
  private leftOut = 0;
  private skipped = 0;
  private readonly skippedAt: ByteOffset[] = [];
  private example: string | undefined;
  private tries = 0;
  private readonly marked = new MarkList();
  private readonly roles = new Uint32Array(ROLES.length);
  private readonly turnBuckets = new Uint32Array(HISTOGRAM_BUCKETS);
  private readonly lengthBuckets = new Uint32Array(HISTOGRAM_BUCKETS);
  /** True if an assistant replies to the example. */
  private hasPreferred = false;
  private readonly needsExample: boolean;

  /** @param needsExample false if there is an example already */
  constructor(needsExample = true) {
    this.needsExample = needsExample;
  }

  add(batch: RecordBatch): void {
    const records = batch.records.length / RECORD_NUMBERS;
    if (batch.conversations < records) this.addSkipped(batch);
    this.mark(batch);
    this.addTurns(batch);
    if (this.seeksExample) this.seekExample(batch);
    this.conversations += batch.conversations;
    this.leftOut += batch.leftOut;
    this.turns += batch.turns.length / TURN_NUMBERS;
    this.records += records;
  }

  get counts(): Counts {
    const { records, conversations, turns, leftOut, skipped, skippedAt, example } = this;
    const [assistant = 0, user = 0, system = 0, tool = 0] = this.roles;
    // All conversations but those without a turn have a turn without a reply.
    const replies = turns - (conversations - (this.turnBuckets[0] as number));
    return {
      ...{ records, conversations, turns, replies, leftOut, skipped, skippedAt, example },
      roles: { assistant, user, system, tool },
      histograms: { turns: [...this.turnBuckets], lengths: [...this.lengthBuckets] },
    };
  }

  /** The marks of the shard. @param end where it ends */
  marks(end: number): Marks {
    return this.marked.marks(this.records, end);
  }

  private mark({ base, records, isPlain }: RecordBatch): void {
    for (let at = 0, record = this.records; at < records.length; at += RECORD_NUMBERS, record++)
      this.marked.add(record, base + (records[at + RECORD.start] as number), isPlain);
  }

  /** Counts the turns by their role and their length, and the conversations by their turns. */
  private addTurns({ records, turns }: RecordBatch): void {
    const { roles, turnBuckets, lengthBuckets } = this;
    for (let at = RECORD.turns; at < records.length; at += RECORD_NUMBERS) {
      const count = records[at] as number;
      if (count !== NO_CONVERSATION) increment(turnBuckets, turnsBucket(count));
    }
    for (let at = TURN.text; at < turns.length; at += TURN_NUMBERS) {
      const text = turns[at] as number;
      increment(roles, text >>> ROLE_SHIFT);
      increment(lengthBuckets, lengthBucket(text & TEXT_LENGTH_MASK));
    }
  }

  private addSkipped({ base, records }: RecordBatch): void {
    for (let at = 0; at < records.length; at += RECORD_NUMBERS) {
      if (records[at + RECORD.turns] !== NO_CONVERSATION) continue;
      this.skipped++;
      const offset = (base + (records[at + RECORD.start] as number)) as ByteOffset;
      if (this.skippedAt.length < SKIPPED_OFFSETS_MAX) this.skippedAt.push(offset);
    }
  }

  /** Looks for a prompt with a reply, preferably an assistant's. */
  private seekExample(batch: RecordBatch): void {
    const { records } = batch;
    let row = 0;
    for (let at = 0; at < records.length; at += RECORD_NUMBERS) {
      const count = records[at + RECORD.turns] as number;
      if (count === NO_CONVERSATION) continue;
      for (let turn = 0; turn + 1 < count && this.seeksExample; turn++) this.tryExample(batch, row + turn);
      row += count;
    }
  }

  /** Takes the text of a turn as the example if it is short and has only one line. */
  private tryExample(batch: RecordBatch, row: number): void {
    const { base, offset, bytes, turns } = batch;
    const isPreferred = (lengthAt(batch, row + 1) & NOT_ASSISTANT_FLAG) === 0;
    const length = lengthAt(batch, row) & LENGTH_MASK;
    if (length > 8 * EXAMPLE_LENGTH_MAX || (this.example !== undefined && !isPreferred)) return;
    this.tries++;
    const start = base + (turns[row * TURN_NUMBERS + TURN.start] as number) - offset;
    const turn = parseTurn(
      parsePythonJson(Buffer.from(bytes.subarray(start, start + length)).toString('utf8')),
    );
    const isPresentable =
      turn !== undefined && turn.value.length <= EXAMPLE_LENGTH_MAX && /^\P{Cc}*\S\P{Cc}*$/u.test(turn.value);
    if (!isPresentable) return;
    this.example = turn.value;
    this.hasPreferred = isPreferred;
  }

  private get seeksExample(): boolean {
    return this.needsExample && !this.hasPreferred && this.tries < EXAMPLE_TRIES_MAX;
  }
}

function increment(counts: Uint32Array, at: number): void {
  counts[at] = (counts[at] as number) + 1;
}

/** The length of a turn, including its flags. */
function lengthAt({ turns }: RecordBatch, row: number): number {
  return turns[row * TURN_NUMBERS + TURN.length] as number;
}

import { type ByteRange, byteOffset } from '../core/bytes.js';
import { bestGrade, type Candidate, type ComparedTurns, matchTurn } from '../core/match.js';
import type { Place } from '../core/place.js';
import { EMPTY_FLAG, LENGTH_MASK, NOT_ASSISTANT_FLAG } from '../index/table.js';
import { NO_CONVERSATION, RECORD, RECORD_NUMBERS, TURN, TURN_NUMBERS } from '../kernel/kernel.js';
import { MESSAGE_NUMBERS, type SharedQuery } from './shared-queries.js';
import type { RecordBatch } from './walk.js';

/** A prompt to search for. */
interface Wanted {
  readonly query: number;
  readonly history: number;
}

/** Searches the rows of a shard for several queries. */
export class ShardSweeper {
  /** The candidates found for each query. */
  readonly found: Place[][];
  private readonly queries: readonly SharedQuery[];
  private readonly exhaustive: boolean;
  private readonly shapes: { contextual: boolean; histories: { length: number }[] }[];
  /** By the lower half of the key, and of the normalized key. */
  private readonly prompts = new Map<number, Wanted[]>();
  private readonly normalizedPrompts = new Map<number, Wanted[]>();
  private readonly view = new KeyedTurns();

  constructor(queries: readonly SharedQuery[], exhaustive: boolean) {
    this.queries = queries;
    this.exhaustive = exhaustive;
    this.found = queries.map(() => []);
    this.shapes = queries.map(({ contextual, histories }) => ({
      contextual,
      histories: histories.map(({ length }) => ({ length: length / MESSAGE_NUMBERS })),
    }));
    for (const [query, { contextual, histories }] of queries.entries()) {
      for (const [history, messages] of histories.entries()) {
        const prompt = messages.length - MESSAGE_NUMBERS;
        append(this.prompts, messages[prompt + TURN.keyLow] as number, { query, history });
        if (!contextual) continue;
        append(this.normalizedPrompts, messages[prompt + TURN.normalizedLow] as number, { query, history });
      }
    }
  }

  /** True if no later row could be a better match than the ones found. */
  get isDecided(): boolean {
    if (this.exhaustive) return false;
    return this.queries.every((query, i) => (this.found[i]?.[0]?.grade ?? 0) === bestGrade(query));
  }

  /** @param firstRecord how many of the shard's records precede the batch */
  add(batch: RecordBatch, firstRecord: number): void {
    const { turns, records } = batch;
    let firstRow = 0;
    for (let at = 0; at < records.length; at += RECORD_NUMBERS) {
      const count = records[at + RECORD.turns] as number;
      if (count === NO_CONVERSATION) continue;
      // The last turn has no reply.
      for (let turn = 0; turn + 1 < count; turn++) {
        const row = (firstRow + turn) * TURN_NUMBERS;
        const wanted = this.prompts.get(turns[row + TURN.keyLow] as number);
        const wantedNormalized = this.normalizedPrompts.get(turns[row + TURN.normalizedLow] as number);
        if (wanted === undefined && wantedNormalized === undefined) continue;
        for (const { query, history } of [...(wanted ?? []), ...(wantedNormalized ?? [])]) {
          this.view.compare(batch.turns, firstRow, count, this.queries[query] as SharedQuery);
          this.consider(query, turn, history, batch, at, firstRecord + at / RECORD_NUMBERS);
        }
      }
      firstRow += count;
    }
  }

  private consider(
    query: number,
    turn: number,
    history: number,
    batch: RecordBatch,
    recordAt: number,
    record: number,
  ): void {
    const shape = this.shapes[query] as (typeof this.shapes)[number];
    const candidate = matchTurn(shape, this.view, turn, history);
    const found = this.found[query] as Place[];
    const last = found.at(-1);
    if (candidate === undefined) return;
    if (this.exhaustive) {
      if (last?.record === record) return;
      const whole = { ...candidate, firstTurn: 0, turn: this.view.count - 2 };
      found.push(this.placeOf(whole, batch, recordAt, record));
    } else if (candidate.grade > (last?.grade ?? 0)) {
      found[0] = this.placeOf(candidate, batch, recordAt, record);
    }
  }

  private placeOf(
    candidate: Candidate,
    { base, records }: RecordBatch,
    recordAt: number,
    record: number,
  ): Place {
    const idLength = records[recordAt + RECORD.idLength] as number;
    const idStart = base + (records[recordAt + RECORD.idStart] as number);
    return {
      ...candidate,
      record,
      id: idLength === 0 ? undefined : rangeBetween(idStart, idStart + idLength),
      turns: rangeBetween(
        base + this.view.startOf(candidate.firstTurn),
        base + this.view.endOf(candidate.turn + 1),
      ),
    };
  }
}

/** The turns of a conversation as rows, compared with a query's keys. */
class KeyedTurns implements ComparedTurns {
  count = 0;
  private rows: Uint32Array = new Uint32Array();
  private firstRow = 0;
  private histories: readonly Uint32Array[] = [];

  compare(rows: Uint32Array, firstRow: number, count: number, { histories }: SharedQuery): void {
    this.rows = rows;
    this.firstRow = firstRow;
    this.count = count;
    this.histories = histories;
  }

  isEmpty(turn: number): boolean {
    return this.numberOf(turn, TURN.length) >= EMPTY_FLAG;
  }

  isAssistant(turn: number): boolean {
    return (this.numberOf(turn, TURN.length) & NOT_ASSISTANT_FLAG) === 0;
  }

  isMessage(turn: number, history: number, message: number): boolean {
    return (
      this.isEqual(turn, history, message, TURN.keyLow) && this.isEqual(turn, history, message, TURN.keyHigh)
    );
  }

  isPromptNormalized(turn: number, history: number): boolean {
    const message = (this.histories[history]?.length ?? 0) / MESSAGE_NUMBERS - 1;
    return (
      this.isEqual(turn, history, message, TURN.normalizedLow) &&
      this.isEqual(turn, history, message, TURN.normalizedHigh)
    );
  }

  startOf(turn: number): number {
    return this.numberOf(turn, TURN.start);
  }

  endOf(turn: number): number {
    return this.startOf(turn) + (this.numberOf(turn, TURN.length) & LENGTH_MASK);
  }

  private isEqual(turn: number, history: number, message: number, number: number): boolean {
    return this.numberOf(turn, number) === this.histories[history]?.[message * MESSAGE_NUMBERS + number];
  }

  private numberOf(turn: number, number: number): number {
    return this.rows[(this.firstRow + turn) * TURN_NUMBERS + number] as number;
  }
}

function rangeBetween(start: number, end: number): ByteRange {
  return { start: byteOffset(start), end: byteOffset(end) };
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}

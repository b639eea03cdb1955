import { byteOffset } from '../core/bytes.js';
import { parseTurn, type Turn } from '../core/conversation.js';
import { excerptOf } from '../core/excerpt.js';
import { parsePythonJson } from '../core/python-json.js';
import { ROLES } from '../core/roles.js';
import type { TextSearch } from '../core/search.js';
import { LENGTH_MASK } from '../index/table.js';
import {
  IS_FOUND,
  NO_CONVERSATION,
  RECORD,
  RECORD_NUMBERS,
  ROLE_SHIFT,
  TEXT_LENGTH_MASK,
  TURN,
  TURN_NUMBERS,
} from '../kernel/kernel.js';
import type { FoundText, SearchTask, TurnPlace } from './tasks.js';
import type { RecordBatch } from './walk.js';

/** Collects the turns of a shard that a search finds. The kernel has searched their texts. */
export class ShardSearch {
  /** The first of them, in file order. */
  readonly hits: FoundText[] = [];
  /** How many turns were found, and in how many conversations. */
  turns = 0;
  conversations = 0;
  private readonly search: TextSearch;
  private readonly hitsMax: number;
  private readonly from: TurnPlace;
  /** True if only numbers of turns are wanted: each conversation is found once. */
  private readonly isOncePerConversation: boolean;

  constructor({ search, hitsMax, from }: SearchTask) {
    this.search = search;
    this.hitsMax = hitsMax;
    this.from = from;
    const { terms, role, lengthMin, lengthMax } = search;
    this.isOncePerConversation =
      terms.length === 0 && role === undefined && lengthMin === 0 && lengthMax === Infinity;
  }

  /** @param firstRecord the number of the batch's first record */
  add(batch: RecordBatch, firstRecord: number): void {
    const { turnsMin, turnsMax } = this.search;
    const { turns, records } = batch;
    let row = 0;
    for (let at = 0; at < records.length; at += RECORD_NUMBERS) {
      const count = records[at + RECORD.turns] as number;
      if (count === NO_CONVERSATION) continue;
      const end = row + count * TURN_NUMBERS;
      const record = firstRecord + at / RECORD_NUMBERS;
      if (count >= turnsMin && count <= turnsMax && record >= this.from.record) {
        const skipped = record === this.from.record ? this.from.turn : 0;
        let found = 0;
        for (
          let turn = skipped, here = row + skipped * TURN_NUMBERS;
          here < end;
          turn++, here += TURN_NUMBERS
        ) {
          if (turns[here + IS_FOUND] === 0 || !this.hasRole(batch, here)) continue;
          found++;
          if (this.hits.length < this.hitsMax)
            this.hits.push(hitAt(batch, at, here, turn, record, this.search));
          if (this.isOncePerConversation) break;
        }
        this.turns += found;
        if (found > 0) this.conversations++;
      }
      row = end;
    }
  }

  private hasRole(batch: RecordBatch, row: number): boolean {
    const { role } = this.search;
    return role === undefined || ROLES[(batch.turns[row + TURN.text] as number) >>> ROLE_SHIFT] === role;
  }
}

function hitAt(
  batch: RecordBatch,
  recordAt: number,
  row: number,
  turn: number,
  record: number,
  search: TextSearch,
): FoundText {
  const { from, value } = turnAt(batch, row);
  return {
    record,
    offset: byteOffset(batch.base + (batch.records[recordAt + RECORD.start] as number)),
    id: idAt(batch, recordAt),
    turn,
    role: from,
    length: (batch.turns[row + TURN.text] as number) & TEXT_LENGTH_MASK,
    excerpt: excerptOf(value, search),
  };
}

/** The turn of a row: the kernel has found that it is one. */
function turnAt(batch: RecordBatch, row: number): Turn {
  const length = (batch.turns[row + TURN.length] as number) & LENGTH_MASK;
  const turn = parseTurn(parsePythonJson(textAt(batch, batch.turns[row + TURN.start] as number, length)));
  if (turn === undefined) throw new Error('the kernel found a turn, but parsing found another value');
  return turn;
}

/** The text of a record's id. A number is used as it is written: parsing would round a long one. */
function idAt(batch: RecordBatch, recordAt: number): string | undefined {
  const length = batch.records[recordAt + RECORD.idLength] as number;
  if (length === 0) return undefined;
  const spelled = textAt(batch, batch.records[recordAt + RECORD.idStart] as number, length);
  return spelled.startsWith('"') ? String(parsePythonJson(spelled)) : spelled;
}

function textAt({ base, offset, bytes }: RecordBatch, start: number, length: number): string {
  const at = base + start - offset;
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString('utf8');
}

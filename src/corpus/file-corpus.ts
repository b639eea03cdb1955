import { type ByteRange, byteOffset, lengthOf } from '../core/bytes.js';
import { firstNear } from '../core/first.js';
import { PROMPT_LENGTH_SHOWN } from '../core/limits.js';
import { inSlices, inStep } from '../core/steps.js';
import type { Dataset } from '../dataset/dataset.js';
import type { DatasetReader } from '../dataset/reader.js';
import type { Marks } from '../index/marks.js';
import type { IndexTable } from '../index/table.js';
import { type FoundRecord, type MarkedFile, recordsOf } from './block.js';
import type {
  ConversationLine,
  ConversationPage,
  Corpus,
  RecordedConversation,
  RepeatedPrompt,
  Signal,
} from './corpus.js';
import type { IdHashes } from './id-hashes.js';
import { parseRecord } from './parse-record.js';
import { promptOf } from './prompt-text.js';
import { repeatedPrompts } from './repeated.js';
import type { SearchOrder, SearchReport } from './search.js';

/** What is known of one state of a file. */
export interface CorpusSource {
  readonly dataset: Dataset;
  readonly reader: DatasetReader;
  /** The number of records; undefined until the whole file was walked. */
  records(): number | undefined;
  /** The tables of the index, in file order; undefined without an index. */
  tables(): readonly IndexTable[] | undefined;
  /**
   * The marks of the file, or of its beginning, as soon as there are those of `records` records, or of all.
   *
   * @throws AppError, as a rejection, if the walk fails before it gets there
   */
  marks(records: number): Promise<Marks>;
  /** The hashes of all ids. */
  hashIds(): Promise<IdHashes>;
  /** See `Corpus.search`. */
  search(order: SearchOrder, signal: AbortSignal): AsyncIterable<SearchReport>;
}

/** One state of a file, to look at. What is cached lasts as long as it does. */
export class FileCorpus implements Corpus {
  private readonly source: CorpusSource;
  private hashes: Promise<IdHashes> | undefined;
  private prompts: Promise<readonly RepeatedPrompt[]> | undefined;

  constructor(source: CorpusSource) {
    this.source = source;
  }

  get total(): number | undefined {
    return this.source.records();
  }

  /** The number of records, if there are fewer than `record` or all are known; undefined if there are at least as many. */
  async endBefore(record: number): Promise<number | undefined> {
    const { records } = await this.source.marks(record);
    return this.total ?? (records < record ? records : undefined);
  }

  async conversations(from: number, limit: number, signal?: Signal): Promise<ConversationPage> {
    const marks = await this.source.marks(from + limit);
    const end = Math.min(from + limit, marks.records);
    const lines = from < end ? await inSlices(this.linesOf(this.in(marks), from, end), signal) : [];
    return { total: this.total, lines };
  }

  async conversation(
    number: number,
    isRaw: boolean,
    signal?: Signal,
  ): Promise<RecordedConversation | undefined> {
    const marks = await this.source.marks(number + 1);
    if (number >= marks.records) return undefined;
    const record = await inSlices(this.placeOf(this.in(marks), number), signal);
    return inStep(() => this.parsed(record, isRaw));
  }

  async byId(id: string, limit: number, signal?: Signal): Promise<ConversationPage> {
    const marks = await this.source.marks(Number.POSITIVE_INFINITY);
    this.hashes ??= this.source.hashIds().catch((error: unknown) => {
      this.hashes = undefined;
      throw error;
    });
    const hashes = await this.hashes;
    const lines = await inSlices(this.linesWith(this.in(marks), hashes, id, limit), signal);
    return { total: this.total, lines };
  }

  /** How many bytes a search reads. */
  get searchedBytes(): number {
    return lengthOf(this.source.dataset.body);
  }

  search(order: SearchOrder, signal: AbortSignal): AsyncIterable<SearchReport> {
    return this.source.search(order, signal);
  }

  async repeated(signal?: Signal): Promise<readonly RepeatedPrompt[] | undefined> {
    const tables = this.source.tables();
    if (tables === undefined) return undefined;
    const marks = await this.source.marks(Number.POSITIVE_INFINITY);
    signal?.().throwIfAborted();
    // It goes on if this client leaves: others may wait for it.
    this.prompts ??= Promise.resolve(inSlices(repeatedPrompts(tables, this.in(marks)))).catch(
      (error: unknown) => {
        this.prompts = undefined;
        throw error;
      },
    );
    return this.prompts;
  }

  private in(marks: Marks): MarkedFile {
    const { dataset, reader } = this.source;
    return { dataset, reader, marks };
  }

  /** The lines of the records from `from` up to `end`. */
  private *linesOf(file: MarkedFile, from: number, end: number): Generator<void, ConversationLine[]> {
    const lines: ConversationLine[] = [];
    const { marks } = file;
    for (let block = marks.find(from); block < marks.count && marks.recordAt(block) < end; block++) {
      for (const record of recordsOf(file, block)) {
        if (record === undefined) yield;
        else if (record.number >= from && record.number < end) lines.push(this.lineOf(record));
      }
    }
    return lines;
  }

  private lineOf(record: FoundRecord): ConversationLine {
    const { number, source, id, turns, length } = record;
    const tokens = this.tokensAt(record.offset, turns ?? 0);
    const isCounted = tokens.length > 0 && !tokens.includes(undefined);
    return {
      number,
      source,
      id,
      turns,
      prompt: promptOf(record, PROMPT_LENGTH_SHOWN),
      tokens: isCounted ? tokens.reduce<number>((sum, each) => sum + (each ?? 0), 0) : undefined,
      bytes: length,
    };
  }

  /** The tokens of each turn of a conversation; undefined where they aren't counted. Empty if the index doesn't have it. */
  private tokensAt(offset: number, turns: number): readonly (number | undefined)[] {
    // Of the tables that have a conversation, the last one that begins at the offset or before it.
    const begins = (each: IndexTable) => each.size.conversations > 0 && each.offsetOf(0) <= offset;
    const table = this.source.tables()?.findLast(begins);
    if (table === undefined) return [];
    const { conversations } = table.size;
    const conversation = firstNear(0, 0, conversations, (i) => table.offsetOf(i) >= offset);
    if (conversation === conversations || table.offsetOf(conversation) !== offset) return [];
    const first = table.firstTurnOf(conversation);
    return Array.from({ length: turns }, (_, i) => {
      const tokens = table.tokensOf(first + i);
      return tokens === 0 && table.isSpoken(first + i) ? undefined : tokens;
    });
  }

  private *placeOf(file: MarkedFile, number: number): Generator<void, RecordPlace> {
    for (const record of recordsOf(file, file.marks.find(number))) {
      if (record === undefined) yield;
      else if (record.number === number) return placed(record);
    }
    throw new Error(`expected a record ${number} in its block`);
  }

  /** Reads and parses a record. */
  private parsed(place: RecordPlace, isRaw: boolean): RecordedConversation {
    const { reader } = this.source;
    const { number, source, id, range, isUnread, isSkipped } = place;
    const bytes = range.end - range.start;
    const head = { number, source, id, bytes, total: this.total, isSkipped };
    if (isUnread)
      return { ...head, system: undefined, tools: undefined, turns: [], other: {}, raw: undefined };
    const room = reader.roomFor(bytes);
    reader.read(room.bytes, room.at, range);
    const text = room.bytes.toString('utf8', room.at, room.at + bytes);
    const tokens = this.tokensAt(range.start, place.turns);
    const parsed = parseRecord(text);
    const turns = parsed.turns.map((turn, i) => ({ ...turn, tokens: tokens[i] }));
    return { ...head, ...parsed, turns, raw: isRaw ? text : undefined };
  }

  private *linesWith(
    file: MarkedFile,
    hashes: IdHashes,
    id: string,
    limit: number,
  ): Generator<void, ConversationLine[]> {
    const lines: ConversationLine[] = [];
    for (const number of hashes.find(id)) {
      if (number === undefined) {
        yield;
        continue;
      }
      if (lines.length === limit) break;
      for (const record of recordsOf(file, file.marks.find(number))) {
        if (record === undefined) yield;
        else if (record.number === number && record.source === id) lines.push(this.lineOf(record));
      }
    }
    return lines;
  }
}

/** Where a record is, and what its row says of it. */
interface RecordPlace {
  readonly number: number;
  readonly source: string;
  readonly id: string | undefined;
  readonly turns: number;
  readonly range: ByteRange;
  readonly isUnread: boolean;
  readonly isSkipped: boolean;
}

function placed({ number, source, id, turns, offset, length, isUnread }: FoundRecord): RecordPlace {
  const range = { start: byteOffset(offset), end: byteOffset(offset + length) };
  return { number, source, id, turns: turns ?? 0, range, isUnread, isSkipped: turns === undefined };
}

import { AppError } from '../core/errors.js';
import { ALIKE_BYTES_MAX, ALIKE_TRIES_MAX } from '../core/limits.js';
import { bestGrade } from '../core/match.js';
import type { Place } from '../core/place.js';
import { type KeyedQuery, keyedQuery, type Query } from '../core/query.js';
import type { DatasetReader } from '../dataset/reader.js';
import { type IndexPlace, IndexSearch } from '../index/search.js';
import type { IndexTable } from '../index/table.js';
import type { Kernel } from '../kernel/kernel.js';
import type { Alike, Lookup, Match, MatchTokens, TokenCount } from './lookup.js';
import { matchWhole, proveAlike, proveMatch, proveSpelled } from './proof.js';

/** The engine that keeps keys: a lookup is a search among them and a read of the dataset, all on the thread that asks. */
export class IndexLookup implements Lookup {
  private readonly table: IndexTable;
  private readonly index: IndexSearch;
  private readonly kernel: Kernel;
  private readonly reader: DatasetReader;

  constructor(table: IndexTable, kernel: Kernel, reader: DatasetReader) {
    this.table = table;
    this.index = new IndexSearch(table);
    this.kernel = kernel;
    this.reader = reader;
  }

  get isImmediate(): true {
    return true;
  }

  find(query: Query): Match | undefined {
    const keys = this.keysOf(query);
    const place = this.index.find(keys);
    if (place !== undefined) {
      const tokens = this.tokensOf(place, place.turn, true);
      const spelled = proveSpelled(query, place, this.reader, this.kernel, tokens);
      return spelled ?? this.prove(query, place) ?? this.findByTexts(query, keys);
    }
    // In file order for each history, and the preferred history first: so the first that proves true answers.
    for (const candidate of this.index.findFolded(keys)) {
      const match = this.prove(query, candidate);
      if (match !== undefined) return match;
    }
    return undefined;
  }

  private keysOf(query: Query): KeyedQuery {
    return keyedQuery(query, (text) => this.kernel.keysOf(text));
  }

  /** A turn that is like the prompt of a query that finds nothing, its texts compared; undefined if none is known. Never fails. */
  alike({ histories }: Query): Alike | undefined {
    const prompt = histories[0]?.at(-1) ?? '';
    const isShort = prompt.length <= ALIKE_BYTES_MAX;
    const keys = isShort && /\S/.test(prompt) ? this.kernel.keysOf(prompt) : undefined;
    if (keys === undefined) return undefined;
    try {
      return (
        this.firstAlike(prompt, this.index.unanswered(keys.folded), true) ??
        this.firstAlike(prompt, this.index.alike(keys.folded), false)
      );
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      // The file can't be read just now. That there is no answer was found before.
      return undefined;
    }
  }

  /** The first of the first few places whose text proves alike. */
  private firstAlike(prompt: string, places: Iterable<Place>, isLast: boolean): Alike | undefined {
    let tries = 0;
    for (const place of places) {
      const isShort = place.turns.end - place.turns.start <= ALIKE_BYTES_MAX;
      const found = isShort ? proveAlike(prompt, place, isLast, this.reader) : undefined;
      if (found !== undefined || ++tries === ALIKE_TRIES_MAX) return found;
    }
    return undefined;
  }

  private prove(query: Query, place: IndexPlace): Match | undefined {
    const match = proveMatch(query, place, this.reader);
    if (match === undefined) return undefined;
    return { ...match, tokens: this.tokensOf(place, match.replyIndex - 1, match.rung !== 'normalized') };
  }

  /**
   * @param turn the prompt's, in its conversation
   * @param agrees false if the prompt's turn is not quite the last message
   */
  private tokensOf({ firstRow, firstTurn, history }: IndexPlace, turn: number, agrees: boolean): MatchTokens {
    const prompt = firstRow + turn;
    return new RowTokens(this.table, prompt, agrees ? firstRow + firstTurn : prompt + 1, history);
  }

  /** The match by the texts of all candidates: needed where two texts have one key, which hardly ever happens. */
  private findByTexts(query: Query, keys: KeyedQuery): Match | undefined {
    let best: { match: Match; grade: number } | undefined;
    for (const candidate of this.index.candidates(keys)) {
      const found = matchWhole(query, candidate, this.reader);
      if (found === undefined || found.grade <= (best?.grade ?? 0)) continue;
      best = found;
      if (found.grade === bestGrade(keys)) break;
    }
    return best?.match;
  }
}

/** The token counts of rows, which stand in the index. */
class RowTokens implements MatchTokens {
  readonly history: number;
  readonly reply: TokenCount;
  private readonly table: IndexTable;
  private readonly prompt: number;
  private readonly first: number;

  /** @param first the row of the first turn that agrees with a message; behind the prompt's if none does */
  constructor(table: IndexTable, prompt: number, first: number, history: number) {
    this.table = table;
    this.prompt = prompt;
    this.first = first;
    this.history = history;
    this.reply = new RowCount(table, prompt + 1);
  }

  messages(): readonly TokenCount[] {
    const counts: TokenCount[] = [];
    // Empty turns are no messages.
    for (let row = this.prompt; row >= this.first; row--)
      if (this.table.isSpoken(row)) counts.push(new RowCount(this.table, row));
    return counts;
  }
}

class RowCount implements TokenCount {
  private readonly table: IndexTable;
  private readonly row: number;

  constructor(table: IndexTable, row: number) {
    this.table = table;
    this.row = row;
  }

  get tokens(): number {
    return this.table.tokensOf(this.row);
  }

  set tokens(tokens: number) {
    this.table.setTokens(this.row, tokens);
  }
}

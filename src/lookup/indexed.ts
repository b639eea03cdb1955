import { type IndexPlace, IndexSearch } from '../core/index-search.js';
import type { IndexTable } from '../core/index-table.js';
import { foldSpace } from '../core/keys.js';
import { ALIKE_BYTES_MAX, ALIKE_TRIES_MAX } from '../core/limits.js';
import { bestGrade } from '../core/match.js';
import type { Place } from '../core/place.js';
import { type KeyedQuery, keyedQuery, type Query } from '../core/query.js';
import type { Kernel } from '../kernel/kernel.js';
import type { Alike, Lookup, Match, MatchRows, SpelledMatch } from './lookup.js';
import { matchWhole, proveAlike, proveMatch, proveSpelled } from './proof.js';
import type { DatasetReader } from './reader.js';
import { spelledMatch } from './spelled-match.js';

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

  async find(query: Query): Promise<Match | undefined> {
    const keys = this.keysOf(query);
    return this.matchAt(this.index.find(keys), query, keys);
  }

  findNow(query: Query): SpelledMatch | undefined {
    const keys = this.keysOf(query);
    const place = this.index.find(keys);
    try {
      const rows = place && this.rowsOf(place, place.turn);
      const spelled = rows && proveSpelled(query, place, this.reader, this.kernel, rows);
      if (spelled !== undefined) return spelled;
      const match = this.matchAt(place, query, keys);
      return match && spelledMatch(match);
    } catch {
      // The file can't be read just now: that is for `find` to tell.
      return undefined;
    }
  }

  private keysOf(query: Query): KeyedQuery {
    return keyedQuery(query, (text) => this.kernel.keysOf(text));
  }

  /** The match at the best place for a query, or, where there is none, by folded texts. */
  private matchAt(place: IndexPlace | undefined, query: Query, keys: KeyedQuery): Match | undefined {
    if (place !== undefined) return this.prove(query, place) ?? this.findByTexts(query, keys);
    // In file order for each history, and the preferred history first: so the first that proves true answers.
    for (const candidate of this.index.findFolded(keys)) {
      const match = this.prove(query, candidate);
      if (match !== undefined) return match;
    }
    return undefined;
  }

  /** A turn that is like the prompt of a query that finds nothing, its texts compared; undefined if none is known. Never fails. */
  alike({ histories }: Query): Alike | undefined {
    const prompt = histories[0]?.at(-1) ?? '';
    const keys = this.kernel.keysOf(prompt);
    if (keys === undefined || foldSpace(prompt) === '') return undefined;
    try {
      return (
        this.firstAlike(prompt, this.index.unanswered(keys.folded), true) ??
        this.firstAlike(prompt, this.index.alike(keys.folded), false)
      );
    } catch {
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
    const rows = this.rowsOf(place, match.replyIndex - 1);
    return { ...match, rows: match.rung === 'normalized' ? { ...rows, first: rows.prompt + 1 } : rows };
  }

  /** @param turn the prompt's, in its conversation */
  private rowsOf({ firstRow, firstTurn, history }: IndexPlace, turn: number): MatchRows {
    return { table: this.table, prompt: firstRow + turn, first: firstRow + firstTurn, history };
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

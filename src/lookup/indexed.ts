import { lengthOf } from '../core/bytes.js';
import { AppError } from '../core/errors.js';
import { type Key, type KeySeed, NO_SEED, type TextKeys } from '../core/keys.js';
import {
  SHARING_TURNS_MAX,
  SIMILAR_BYTES_MAX,
  SIMILAR_TRIES_MAX,
  VERIFIED_AT_ONCE_BYTES,
} from '../core/limits.js';
import { after, firstFound, type MaybePromise } from '../core/maybe-promise.js';
import type { Place } from '../core/place.js';
import type { KeyedQuery, Query } from '../core/query.js';
import { inSlices, inStep } from '../core/steps.js';
import type { DatasetReader } from '../dataset/reader.js';
import { type Beginnings, beginningsOf } from '../index/beginnings.js';
import {
  ANY,
  type IndexPlace,
  IndexSearch,
  type KeyedPrompt,
  type Replies,
  type SharingRow,
  type Steps,
} from '../index/search.js';
import type { IndexTable } from '../index/table.js';
import type { Kernel } from '../kernel/kernel.js';
import type { Sketches } from '../kernel/sketches.js';
import { type Hint, hintOf } from './hint.js';
import { keysOf } from './keyed.js';
import {
  type Candidates,
  compareSharing,
  type Lookup,
  type Match,
  type NearestLookup,
  type NearestQuery,
  type Sharing,
  type Similar,
} from './lookup.js';
import { nearestTurns, searchesFor } from './nearest.js';
import { mergedCandidates } from './nearest-layers.js';
import { RowTokens } from './row-tokens.js';
import {
  hasPromptNormalized,
  matchWhole,
  replyAt,
  verifyMatch,
  verifySimilar,
  verifySpelled,
} from './verify.js';

/** Turns whose reply is an assistant's are searched before all others. The legacy API takes any reply. */
const PREFERENCE: readonly Replies[] = ['assistant', 'other'];
const LEGACY_PREFERENCE: readonly Replies[] = ['any'];

/** A table of the index, and what searches it. */
interface Searched {
  readonly table: IndexTable;
  readonly index: IndexSearch;
  readonly beginnings: Beginnings;
  sketches: Sketches | undefined;
}

/** A turn that has the prompt of a query, with its table and the number of that table. */
interface SharingAt extends SharingRow {
  readonly index: IndexSearch;
  readonly at: number;
}

/**
 * The engine `index`: a lookup searches the keys and reads the dataset once, on the calling thread. The index of a file that has grown has
 * several tables; its answers are those of one table of the whole file.
 */
export class IndexLookup implements Lookup, NearestLookup {
  private readonly searched: readonly Searched[];
  private readonly seed: KeySeed;
  private readonly kernel: Kernel;
  private readonly reader: DatasetReader;

  /** @param tables the tables of the index, in file order; their keys have the same seed. Empty for a file without a record */
  constructor(tables: readonly IndexTable[], kernel: Kernel, reader: DatasetReader) {
    this.searched = tables.map((table) => {
      const index = new IndexSearch(table);
      return { table, index, beginnings: beginningsOf(table), sketches: undefined };
    });
    this.seed = tables[0]?.seed ?? NO_SEED;
    const { low, high } = this.seed;
    if (tables.some(({ seed }) => seed.low !== low || seed.high !== high))
      throw new Error('expected tables of one seed');
    this.kernel = kernel;
    this.reader = reader;
  }

  /** Finds the nearest turns of a table by these sketches from now on. Does nothing if the index doesn't have the table. */
  useSketches(table: IndexTable, sketches: Sketches): void {
    for (const each of this.searched) if (each.table === table) each.sketches = sketches;
  }

  /** The sketches of a table; undefined without them. */
  sketchesOf(table: IndexTable): Sketches | undefined {
    return this.searched.find((each) => each.table === table)?.sketches;
  }

  /** True if all tables have sketches. */
  get hasSketches(): boolean {
    return this.searched.every(({ sketches }) => sketches !== undefined);
  }

  /** The turns whose sketches are nearest; none of tables without sketches. */
  candidates(asked: NearestQuery, signal?: () => AbortSignal): MaybePromise<Candidates> {
    const isSketched = this.searched.some(({ sketches }) => sketches !== undefined);
    return isSketched ? inSlices(this.findNearest(asked), signal) : [];
  }

  private *findNearest(asked: NearestQuery): Generator<void, Candidates> {
    const searches = searchesFor(asked, this.kernel);
    const found: Candidates[] = [];
    for (const { table, index, sketches } of this.searched) {
      if (sketches === undefined) found.push([]);
      else found.push(yield* nearestTurns({ table, index, sketches }, searches, asked.query, this.reader));
    }
    return mergedCandidates(found);
  }

  sharing(query: Query, signal?: () => AbortSignal): MaybePromise<Sharing> {
    return after(keysOf(query, this.kernel, this.seed, signal), (keys) =>
      inSlices(this.findSharing(query, keys), signal),
    );
  }

  private *findSharing(query: Query, keys: KeyedQuery): Generator<void, Sharing> {
    let exact = 0;
    let normalized = 0;
    let first: readonly SharingAt[] = [];
    for (const [at, { index }] of this.searched.entries()) {
      for (const one of index.sharing(keys)) {
        yield;
        if (one === undefined) continue;
        // Different texts may have the same normalized key.
        if (one.isNormalized && !hasPromptNormalized(query, index.repliedAt(one.row).prompt, this.reader))
          continue;
        if (one.isNormalized) normalized++;
        else exact++;
        first = [...first, { ...one, index, at }].sort(compareShared).slice(0, SHARING_TURNS_MAX);
      }
    }
    const turns = first.flatMap((one) => {
      const found = replyAt(one.index.repliedAt(one.row).pair, this.reader);
      return found === undefined ? [] : [{ ...found, ...rungOfRow(one) }];
    });
    return { exact, normalized, turns };
  }

  get isImmediate(): true {
    return true;
  }

  find(query: Query, signal?: () => AbortSignal): MaybePromise<Match | undefined> {
    return after(keysOf(query, this.kernel, this.seed, signal), (keys) => {
      const tables = havingPrompt(this.searched, keys);
      if (tables.length === 0) return undefined;
      return firstFound(query.contextual ? PREFERENCE : LEGACY_PREFERENCE, (replies) =>
        this.findAmong(tables, replies, query, keys, signal),
      );
    });
  }

  private findAmong(
    tables: readonly Searched[],
    replies: Replies,
    query: Query,
    keys: KeyedQuery,
    signal?: () => AbortSignal,
  ): MaybePromise<Match | undefined> {
    const place = bestPlace(tables, keys, replies);
    if (place === undefined) {
      if (replies === 'any') return undefined;
      return inSlices(this.findNormalized(tables, replies, query, keys), signal);
    }
    const isLong = lengthOf(place.turns) > VERIFIED_AT_ONCE_BYTES;
    // Many requests for long conversations may arrive in one turn of the event loop.
    return isLong
      ? inStep(() => this.findAt(query, keys, place, signal))
      : this.findAt(query, keys, place, signal);
  }

  private findAt(
    query: Query,
    keys: KeyedQuery,
    place: IndexPlace,
    signal: (() => AbortSignal) | undefined,
  ): MaybePromise<Match | undefined> {
    const tokens = new RowTokens(place, place.turn, true);
    const spelled = verifySpelled(query, place, this.reader, this.kernel, tokens);
    return spelled ?? this.verify(query, place) ?? inSlices(this.findByTexts(query, keys), signal);
  }

  /** Candidates come in file order, those of the preferred history first: the first one that is verified is the answer. */
  private *findNormalized(
    tables: readonly Searched[],
    replies: Exclude<Replies, 'any'>,
    query: Query,
    keys: KeyedQuery,
  ): Generator<void, Match | undefined> {
    for (const prompt of promptsOf(query, keys)) {
      for (const { index } of tables) {
        for (const candidate of index.findNormalized(prompt, replies)) {
          const match = candidate && this.verify(query, candidate);
          if (match !== undefined) return match;
          yield;
        }
      }
    }
    return undefined;
  }

  /**
   * A turn that is similar to the prompt of a query without a match, its texts compared; undefined if none is known. Rejects only when
   * aborted.
   */
  similar(query: Query, signal?: () => AbortSignal): MaybePromise<Similar | undefined> {
    const hint = hintOf(query, this.kernel, this.seed);
    if (hint === undefined || !this.mayHaveSimilar(hint)) return undefined;
    return inSlices(this.findSimilar(hint), signal);
  }

  /** False if no turn begins as the prompt or a part of it does. */
  private mayHaveSimilar({ keys, parts }: Hint): boolean {
    for (const { beginnings } of this.searched) {
      if (beginnings.mayHave(keys.ends.low)) return true;
      for (const { low } of parts) if (beginnings.mayHave(low)) return true;
    }
    return false;
  }

  private *findSimilar({ prompt, keys, parts }: Hint): Generator<void, Similar | undefined> {
    try {
      const unanswered = yield* this.mostSimilar(prompt, prompt, this.unanswered(keys.ends), true);
      if (unanswered !== undefined) return unanswered;
      for (const { text, low } of parts) {
        const tables = this.searched.filter(({ beginnings }) => beginnings.mayHave(low));
        if (tables.length === 0) continue;
        const found = yield* this.mostSimilar(prompt, text, similarTurns(tables, low), false);
        if (found !== undefined) return found;
      }
    } catch (error) {
      // The file can't be read just now. The lookup has already found that there is no match.
      if (!(error instanceof AppError)) throw error;
    }
    return undefined;
  }

  /** The last turns of conversations that equal a text with these ends, white space aside, in file order; judged by keys alone. */
  private *unanswered(ends: Key): Steps<Place> {
    for (const { index } of this.searched) yield* index.unanswered(ends);
  }

  /** The most similar of the first few turns: one with the same letters, else the one that differs latest. */
  private *mostSimilar(
    prompt: string,
    part: string,
    places: Iterable<Place | undefined>,
    isLast: boolean,
  ): Generator<void, Similar | undefined> {
    let nearest: Similar | undefined;
    let tries = 0;
    for (const place of places) {
      const isShort = place !== undefined && lengthOf(place.turns) <= SIMILAR_BYTES_MAX;
      const found = isShort ? verifySimilar(prompt, part, place, isLast, this.reader) : undefined;
      if (found !== undefined && found.differsAt > (nearest?.differsAt ?? -1)) nearest = found;
      if (place !== undefined) tries++;
      if (nearest?.differsAt === prompt.length || tries === SIMILAR_TRIES_MAX) break;
      yield;
    }
    return nearest;
  }

  private verify(query: Query, place: IndexPlace): Match | undefined {
    const verified = verifyMatch(query, place, this.reader);
    if (verified === undefined) return undefined;
    const { match, areEqual } = verified;
    return { ...match, tokens: new RowTokens(place, match.replyIndex - 1, areEqual) };
  }

  /** The match by the texts of all candidates: needed only if two texts share a key, which hardly ever happens. */
  private *findByTexts(query: Query, keys: KeyedQuery): Generator<void, Match | undefined> {
    let best: { match: Match; grade: number; place: IndexPlace } | undefined;
    for (const { index } of this.searched) {
      for (const place of index.candidates(promptsOf(query, keys), query.contextual)) {
        const found = place && matchWhole(query, place, this.reader);
        if (place !== undefined && found !== undefined) {
          const isBetter = best === undefined || found.grade > best.grade;
          if (isBetter || (found.grade === best?.grade && isBefore(place, best.place)))
            best = { ...found, place };
        }
        yield;
      }
    }
    return best?.match;
  }
}

/** The tables in which a turn may begin as a prompt of the query does: usually all, or none. */
function havingPrompt(tables: readonly Searched[], keys: KeyedQuery): readonly Searched[] {
  const having: Searched[] = [];
  for (const table of tables) if (table.beginnings.mayHavePrompt(keys)) having.push(table);
  return having.length === tables.length ? tables : having;
}

/** The best candidate of several tables, judged by keys alone; of equals the first in file order. */
function bestPlace(tables: readonly Searched[], keys: KeyedQuery, replies: Replies): IndexPlace | undefined {
  let best: IndexPlace | undefined;
  for (const { index } of tables) {
    const place = index.find(keys, replies);
    if (place !== undefined && place.grade > (best?.grade ?? 0)) best = place;
  }
  return best;
}

/** The first turns that begin with the same letters as a text, in the order that one table of all turns would have them in. */
function similarTurns(tables: readonly Searched[], low: number): readonly Place[] {
  return ANY.flatMap((run) =>
    tables
      .flatMap(({ index }) => index.similar(low, run, SIMILAR_TRIES_MAX))
      .sort((one, other) => one.normalized - other.normalized)
      .map(({ place }) => place),
  );
}

/** True if the conversation of a place is in the same table as that of another one, and before it. */
function isBefore(place: IndexPlace, other: IndexPlace): boolean {
  return place.table === other.table && place.firstRow < other.firstRow;
}

/** Orders turns that have a prompt; equals are in file order. */
function compareShared(one: SharingAt, other: SharingAt): number {
  return compareSharing(rungOfRow(one), rungOfRow(other)) || one.at - other.at || one.row - other.row;
}

function rungOfRow({ isNormalized, preceding, isWhole }: SharingRow) {
  return { rung: isNormalized ? 'normalized' : 'prompt', preceding, isWhole } as const;
}

/** The prompts of a query, each text once, with the first history that contains it. */
function promptsOf({ histories }: Query, keys: KeyedQuery): readonly KeyedPrompt[] {
  const texts = histories.map((history) => history.at(-1));
  return keys.histories
    .map((history, i) => ({ history: i, keys: history.at(-1) as TextKeys }))
    .filter(({ history }) => texts.indexOf(texts[history]) === history);
}

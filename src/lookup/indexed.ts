import { lengthOf } from '../core/bytes.js';
import { AppError } from '../core/errors.js';
import type { KeySeed, TextKeys } from '../core/keys.js';
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
import { Beginnings } from '../index/beginnings.js';
import {
  type IndexPlace,
  IndexSearch,
  type KeyedPrompt,
  type Replies,
  type SharingRow,
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
  type MatchTokens,
  type NearestLookup,
  type NearestQuery,
  type Sharing,
  type Similar,
  type TokenCount,
} from './lookup.js';
import { NearestTurns } from './nearest.js';
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

/** The engine `index`: a lookup searches the keys and reads the dataset once, on the calling thread. */
export class IndexLookup implements Lookup, NearestLookup {
  private readonly table: IndexTable;
  private readonly seed: KeySeed;
  private readonly index: IndexSearch;
  private readonly beginnings: Beginnings;
  private readonly kernel: Kernel;
  private readonly reader: DatasetReader;
  private nearestTurns: NearestTurns | undefined;

  constructor(table: IndexTable, kernel: Kernel, reader: DatasetReader) {
    this.table = table;
    this.seed = table.seed;
    this.index = new IndexSearch(table);
    this.beginnings = new Beginnings(table);
    this.kernel = kernel;
    this.reader = reader;
  }

  /** Finds the nearest turns by these sketches from now on. */
  useSketches(sketches: Sketches): void {
    const countOf = (row: number) => new RowCount(this.table, row);
    this.nearestTurns = new NearestTurns(this.index, this.kernel, this.reader, sketches, countOf);
  }

  /** The turns whose sketches are nearest; none if there are no sketches yet. */
  candidates(asked: NearestQuery, signal?: () => AbortSignal): MaybePromise<Candidates> {
    return this.nearestTurns === undefined ? [] : inSlices(this.nearestTurns.candidates(asked), signal);
  }

  sharing(query: Query, signal?: () => AbortSignal): MaybePromise<Sharing> {
    return after(keysOf(query, this.kernel, this.seed, signal), (keys) =>
      inSlices(this.findSharing(query, keys), signal),
    );
  }

  private *findSharing(query: Query, keys: KeyedQuery): Generator<void, Sharing> {
    let exact = 0;
    let normalized = 0;
    let first: readonly SharingRow[] = [];
    for (const one of this.index.sharing(keys)) {
      yield;
      if (one === undefined) continue;
      // Different texts may have the same normalized key.
      if (one.isNormalized && !hasPromptNormalized(query, this.index.repliedAt(one.row).prompt, this.reader))
        continue;
      if (one.isNormalized) normalized++;
      else exact++;
      first = [...first, one]
        .sort((a, b) => compareSharing(rungOfRow(a), rungOfRow(b)) || a.row - b.row)
        .slice(0, SHARING_TURNS_MAX);
    }
    const turns = first.flatMap((one) => {
      const found = replyAt(this.index.repliedAt(one.row).pair, this.reader);
      return found === undefined ? [] : [{ ...found, ...rungOfRow(one) }];
    });
    return { exact, normalized, turns };
  }

  get isImmediate(): true {
    return true;
  }

  find(query: Query, signal?: () => AbortSignal): MaybePromise<Match | undefined> {
    return after(keysOf(query, this.kernel, this.seed, signal), (keys) =>
      this.mayHavePrompt(keys)
        ? firstFound(query.contextual ? PREFERENCE : LEGACY_PREFERENCE, (replies) =>
            this.findAmong(replies, query, keys, signal),
          )
        : undefined,
    );
  }

  /** False if no turn begins as a prompt of the query does. */
  private mayHavePrompt({ histories }: KeyedQuery): boolean {
    for (const history of histories)
      if (this.beginnings.mayHave((history.at(-1) as TextKeys).normalized.low)) return true;
    return false;
  }

  private findAmong(
    replies: Replies,
    query: Query,
    keys: KeyedQuery,
    signal?: () => AbortSignal,
  ): MaybePromise<Match | undefined> {
    const place = this.index.find(keys, replies);
    if (place === undefined) {
      return replies === 'any' ? undefined : inSlices(this.findNormalized(replies, query, keys), signal);
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
    const tokens = this.tokensOf(place, place.turn, true);
    const spelled = verifySpelled(query, place, this.reader, this.kernel, tokens);
    return spelled ?? this.verify(query, place) ?? inSlices(this.findByTexts(query, keys), signal);
  }

  /** Candidates come in file order, those of the preferred history first: the first one that is verified is the answer. */
  private *findNormalized(
    replies: Exclude<Replies, 'any'>,
    query: Query,
    keys: KeyedQuery,
  ): Generator<void, Match | undefined> {
    for (const candidate of this.index.findNormalized(promptsOf(query, keys), replies)) {
      const match = candidate && this.verify(query, candidate);
      if (match !== undefined) return match;
      yield;
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
    if (this.beginnings.mayHave(keys.ends.low)) return true;
    for (const { low } of parts) if (this.beginnings.mayHave(low)) return true;
    return false;
  }

  private *findSimilar({ prompt, keys, parts }: Hint): Generator<void, Similar | undefined> {
    try {
      const unanswered = yield* this.mostSimilar(prompt, prompt, this.index.unanswered(keys.ends), true);
      if (unanswered !== undefined) return unanswered;
      for (const { text, low } of parts) {
        if (!this.beginnings.mayHave(low)) continue;
        const found = yield* this.mostSimilar(prompt, text, this.index.similar(low), false);
        if (found !== undefined) return found;
      }
    } catch (error) {
      // The file can't be read just now. The lookup has already found that there is no match.
      if (!(error instanceof AppError)) throw error;
    }
    return undefined;
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
    return { ...match, tokens: this.tokensOf(place, match.replyIndex - 1, areEqual) };
  }

  /**
   * @param turn the index of the prompt's turn in its conversation
   * @param areEqual false if the turns don't have exactly the texts of the messages
   */
  private tokensOf(
    { firstRow, firstTurn, history }: IndexPlace,
    turn: number,
    areEqual: boolean,
  ): MatchTokens {
    const prompt = firstRow + turn;
    return new RowTokens(this.table, prompt, areEqual ? firstRow + firstTurn : prompt + 1, history);
  }

  /** The match by the texts of all candidates: needed only if two texts share a key, which hardly ever happens. */
  private *findByTexts(query: Query, keys: KeyedQuery): Generator<void, Match | undefined> {
    let best: { match: Match; grade: number; firstRow: number } | undefined;
    for (const candidate of this.index.candidates(promptsOf(query, keys), query.contextual)) {
      const found = candidate && matchWhole(query, candidate, this.reader);
      if (found !== undefined) {
        const { firstRow } = candidate as IndexPlace;
        const isBetter = best === undefined || found.grade > best.grade;
        if (isBetter || (found.grade === best?.grade && firstRow < best.firstRow))
          best = { ...found, firstRow };
      }
      yield;
    }
    return best?.match;
  }
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

/** The token counts of rows, read from the index. */
class RowTokens implements MatchTokens {
  readonly history: number;
  readonly reply: TokenCount;
  private readonly table: IndexTable;
  private readonly prompt: number;
  private readonly first: number;

  /** @param first the row of the first turn that agrees with a message; the row after the prompt's if none does */
  constructor(table: IndexTable, prompt: number, first: number, history: number) {
    this.table = table;
    this.prompt = prompt;
    this.first = first;
    this.history = history;
    this.reply = new RowCount(table, prompt + 1);
  }

  messages(): readonly TokenCount[] {
    const counts: TokenCount[] = [];
    // Empty turns aren't messages.
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

import { lengthOf } from '../core/bytes.js';
import { type KeySeed, NO_SEED } from '../core/keys.js';
import { RECORDINGS_COMPARED_MAX, VERIFIED_AT_ONCE_BYTES } from '../core/limits.js';
import { after, type MaybePromise } from '../core/maybe-promise.js';
import type { KeyedQuery, Query } from '../core/query.js';
import { inSlices, inStep } from '../core/steps.js';
import type { DatasetReader } from '../dataset/reader.js';
import { beginningsOf } from '../index/beginnings.js';
import { type IndexPlace, IndexSearch } from '../index/search.js';
import type { IndexTable } from '../index/table.js';
import type { Kernel } from '../kernel/kernel.js';
import { keysOf } from './keyed.js';
import type { Lookup, Match } from './lookup.js';
import { RowTokens } from './row-tokens.js';
import { idAt, verifyMatch, verifySpelled } from './verify.js';

/**
 * Finds recordings: a turn whose conversation is exactly the messages of the query, from its start, and whose id is one of the query's
 * `recordingKeys`. Of several, the last one in the file is the newest, and the answer. A query without such a key has no match.
 */
export class WholeLookup implements Lookup {
  /** The newest table first. */
  private readonly tables: readonly IndexTable[];
  private readonly seed: KeySeed;
  private readonly kernel: Kernel;
  private readonly reader: DatasetReader;

  /** @param tables the tables of the index, in file order; their keys have the same seed */
  constructor(tables: readonly IndexTable[], kernel: Kernel, reader: DatasetReader) {
    this.tables = tables.toReversed();
    this.seed = tables[0]?.seed ?? NO_SEED;
    this.kernel = kernel;
    this.reader = reader;
  }

  get isImmediate(): true {
    return true;
  }

  find(query: Query, signal?: () => AbortSignal): MaybePromise<Match | undefined> {
    const { recordingKeys } = query;
    if (recordingKeys === undefined || this.tables.length === 0) return undefined;
    return after(keysOf(query, this.kernel, this.seed, signal), (keys) =>
      this.firstVerified(this.placesOf(keys, recordingKeys), query, signal),
    );
  }

  /** The match at the first of some places whose texts are what their keys say. */
  private firstVerified(
    places: Iterator<IndexPlace | undefined, void>,
    query: Query,
    signal: (() => AbortSignal) | undefined,
  ): MaybePromise<Match | undefined> {
    return after(inSlices(nextOf(places), signal), (place) => {
      if (place === undefined) return undefined;
      const isLong = lengthOf(place.turns) > VERIFIED_AT_ONCE_BYTES;
      const verified = isLong ? inStep(() => this.verify(query, place)) : this.verify(query, place);
      return after(verified, (match) => match ?? this.firstVerified(places, query, signal));
    });
  }

  /** The turns that may match, judged by their keys and by the ids in the file; the newest first. Yields undefined for all others. */
  private *placesOf(
    keys: KeyedQuery,
    recordingKeys: () => readonly string[],
  ): Generator<IndexPlace | undefined, void> {
    let ids: readonly string[] | undefined;
    let compared = 0;
    for (const table of this.tables) {
      if (!beginningsOf(table).mayHavePrompt(keys)) continue;
      for (const place of new IndexSearch(table).wholes(keys)) {
        if (compared++ === RECORDINGS_COMPARED_MAX) return;
        ids ??= recordingKeys();
        yield ids.includes(idAt(place, this.reader) ?? '') ? place : undefined;
      }
    }
  }

  private verify(query: Query, place: IndexPlace): Match | undefined {
    const tokens = new RowTokens(place, place.turn, true);
    const spelled = verifySpelled(query, place, this.reader, this.kernel, tokens);
    if (spelled !== undefined) return spelled;
    const verified = verifyMatch(query, place, this.reader);
    return verified && { ...verified.match, tokens: new RowTokens(place, place.turn, verified.areEqual) };
  }
}

/** The next value of some that isn't undefined; undefined at their end. Yields after each. */
function* nextOf<T>(values: Iterator<T | undefined, void>): Generator<void, T | undefined> {
  for (;;) {
    const { done, value } = values.next();
    if (done === true) return undefined;
    if (value !== undefined) return value;
    yield;
  }
}

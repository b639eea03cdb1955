/**
 * Finds replies in a store: one round trip for the places of the turns that may answer, one for their records. The texts decide, as with an
 * index.
 */

import { AppError } from '../core/errors.js';
import { STORE_WAIT_MS } from '../core/limits.js';
import { assistantGrade, gradeOf } from '../core/match.js';
import type { KeyedQuery, Query } from '../core/query.js';
import { isAssistant } from '../core/roles.js';
import type { Kernel } from '../kernel/kernel.js';
import type { StoreConnection, StoreReply } from '../store/connection.js';
import { BUCKET_MARK, type DatasetKeys } from '../store/dataset-keys.js';
import { whileAway } from '../store/patience.js';
import { StoreAwayError, StoreRefusalError } from '../store/store-error.js';
import { keysOf } from './keyed.js';
import type { Lookup, Match } from './lookup.js';
import { isBefore, type StoredCandidate, StoredFields } from './stored-fields.js';
import { StoredRecord } from './stored-record.js';
import { numberInFile, type StoredVersion } from './stored-version.js';
import { matchAt, verifySpelled } from './verify.js';

/** The current version of a dataset in a store. */
export interface VersionSource {
  /** Undefined until one is known. */
  readonly now: StoredVersion | undefined;
  /** Asks the store for it. Rejects with a StoreAwayError if that is away. */
  refresh(): Promise<unknown>;
}

/** A version lacks a key: it was dropped, or a server lost its data. */
class LostKeyError extends Error {
  override readonly name = 'LostKeyError';
}

/** The engine `store`. */
export class StoredLookup implements Lookup {
  private readonly connection: StoreConnection;
  private readonly keys: DatasetKeys;
  private readonly versions: VersionSource;
  private readonly kernel: Kernel;

  constructor(connection: StoreConnection, keys: DatasetKeys, versions: VersionSource, kernel: Kernel) {
    this.connection = connection;
    this.keys = keys;
    this.versions = versions;
    this.kernel = kernel;
  }

  get isImmediate(): false {
    return false;
  }

  /** @throws AppError if the store doesn't answer within `STORE_WAIT_MS`, or lacks a part of the dataset */
  async find(query: Query, signal?: () => AbortSignal): Promise<Match | undefined> {
    try {
      return await whileAway(() => this.findNow(query, signal), STORE_WAIT_MS, signal?.());
    } catch (error) {
      if (error instanceof StoreAwayError || error instanceof StoreRefusalError)
        throw new AppError('store_unavailable', { cause: error });
      throw error;
    }
  }

  private async findNow(query: Query, signal?: () => AbortSignal): Promise<Match | undefined> {
    const version = this.versions.now;
    if (version === undefined) throw new StoreAwayError('it has no such dataset yet');
    try {
      return await this.findIn(version, query, await keysOf(query, this.kernel, version.seed, signal));
    } catch (error) {
      if (!(error instanceof LostKeyError)) throw error;
      await this.versions.refresh();
      if (this.versions.now?.id === version.id) {
        const message = 'A part of the dataset is missing in the store: it must be loaded again.';
        throw new AppError('store_unavailable', { message, cause: error });
      }
      return this.findNow(query, signal);
    }
  }

  private async findIn(version: StoredVersion, query: Query, keyed: KeyedQuery): Promise<Match | undefined> {
    const fields = new StoredFields(keyed, version.layout);
    const values = new Map<number, readonly (number | undefined)[]>();
    await Promise.all(
      [...fields.names].map(async ([bucket, names]) =>
        values.set(bucket, await this.valuesIn(version, bucket, names)),
      ),
    );
    for (const candidates of fields.candidates(values)) {
      const match = await this.bestOf(version, query, candidates);
      if (match !== undefined) return match;
    }
    return undefined;
  }

  private async valuesIn(
    { id }: StoredVersion,
    bucket: number,
    names: readonly string[],
  ): Promise<readonly (number | undefined)[]> {
    const key = this.keys.bucket(id, bucket);
    const reply = await this.connection.call(key, ['HMGET', key, BUCKET_MARK, ...names]);
    const [mark, ...values] = reply as readonly (Buffer | null)[];
    if (mark === null) throw new LostKeyError('a part of the dataset is missing in the store');
    return values.map((value) => (value === null ? undefined : Number(value.toString('latin1'))));
  }

  /** The best of some turns, judged by their texts; among equal ones, the first in file order. */
  private async bestOf(
    version: StoredVersion,
    query: Query,
    candidates: readonly StoredCandidate[],
  ): Promise<Match | undefined> {
    let best: { match: Match; grade: number; candidate: StoredCandidate } | undefined;
    const found = await Promise.all(
      candidates.map(async (candidate) => ({
        candidate,
        ...(await this.matchOf(version, query, candidate)),
      })),
    );
    for (const { candidate, match, grade } of found) {
      if (match === undefined || grade === undefined) continue;
      const isBetter = best === undefined || grade > best.grade;
      if (isBetter || (grade === best?.grade && isBefore(candidate, best.candidate)))
        best = { match, grade, candidate };
    }
    return best?.match;
  }

  private async matchOf(
    version: StoredVersion,
    query: Query,
    { record, turn }: StoredCandidate,
  ): Promise<Graded | undefined> {
    const key = this.keys.record(version.id, record);
    const bytes: StoreReply = await this.connection.call(key, ['GET', key]);
    if (bytes === null) throw new LostKeyError('a record of the dataset is missing in the store');
    const stored = new StoredRecord(bytes as Buffer, numberInFile(version, record));
    return this.matchSpelled(query, stored, turn) ?? matchByTexts(query, stored, turn);
  }

  /**
   * The match of a turn by the kernel, without parsing it: if the conversation up to there is the first history, or if there is but one
   * message and other turns come before. No other history gives a higher grade then.
   */
  private matchSpelled(query: Query, stored: StoredRecord, turn: number): Graded | undefined {
    const [{ length }] = query.histories as [readonly string[]];
    if (!query.contextual || query.histories.length > 1) return undefined;
    const first = stored.spokenBefore(turn, length - 1);
    const isWhole = stored.isFirstSpoken(first) && turn - first + 1 === length;
    if (!isWhole && length > 1) return undefined;
    const grade = gradeOf(query, 0, length - 1, isWhole);
    const place = stored.placeOf(turn, length === 1 ? turn : first, grade);
    const match = verifySpelled(query, place, stored, this.kernel);
    if (match === undefined) return undefined;
    return { match, grade: isAssistant(match.reply.from) ? assistantGrade(grade) : grade };
  }
}

/** A match, and its grade. */
interface Graded {
  readonly match: Match;
  readonly grade: number;
}

function matchByTexts(query: Query, stored: StoredRecord, turn: number): Graded | undefined {
  // One turn more than there are messages: whether a conversation starts there matters.
  const longest = query.contextual ? Math.max(...query.histories.map(({ length }) => length)) : 0;
  return matchAt(query, stored.placeOf(turn, stored.spokenBefore(turn, longest)), stored);
}

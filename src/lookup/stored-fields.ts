/** Which fields of a store a query needs, and what they say. */

import type { Key, TextKeys } from '../core/keys.js';
import { assistantGrade, gradeOf, normalizedGrade } from '../core/match.js';
import type { KeyedQuery } from '../core/query.js';
import {
  bucketOf,
  fieldOf,
  placeOfNumber,
  RUN_TURNS_MAX,
  RUN_TURNS_MIN,
  RunKey,
  type RunPlace,
} from '../core/run-keys.js';
import type { RunLayout } from '../workers/shard-runs.js';

/** A turn that may answer. */
export interface StoredCandidate extends RunPlace {
  /** Its grade, judged by keys alone. If it is the only turn with its key, the texts decide, which may give a higher one. */
  readonly grade: number;
}

/** A field: its bucket, and its place among those of the bucket that are requested. */
interface Field {
  readonly bucket: number;
  readonly at: number;
}

/** The same key for turns whose reply is an assistant's, and for others. */
interface FieldPair {
  readonly assistant: Field;
  readonly other: Field;
}

/** The fields that matter for one history. */
interface HistoryFields {
  readonly normalized: FieldPair;
  readonly prompt: FieldPair;
  /** The whole conversation. */
  readonly start: FieldPair | undefined;
  /** Runs of `RUN_TURNS_MIN` turns and more. */
  readonly runs: readonly FieldPair[];
}

const PREFERENCES = ['assistant', 'other'] as const;

/** The fields that a query needs. */
export class StoredFields {
  /** The names of the fields, by buckets. */
  readonly names = new Map<number, string[]>();
  private readonly query: KeyedQuery;
  private readonly layout: RunLayout;
  private readonly histories: readonly HistoryFields[];
  private readonly known = new Map<string, FieldPair>();

  constructor(query: KeyedQuery, layout: RunLayout) {
    this.query = query;
    this.layout = layout;
    this.histories = query.histories.map((texts) => this.fieldsOf(texts));
  }

  /**
   * The turns that may answer, those that are preferred first: if one of a list answers, the lists after it don't matter.
   *
   * @param values the values of the fields, by buckets
   */
  candidates(values: ReadonlyMap<number, readonly (number | undefined)[]>): readonly StoredCandidate[][] {
    const valueAt = ({ bucket, at }: Field) => values.get(bucket)?.[at];
    const lists = PREFERENCES.map((preference) => this.candidatesOf((pair) => valueAt(pair[preference])));
    if (this.query.contextual) {
      return lists.map((list, i) =>
        i === 0 ? list.map((each) => ({ ...each, grade: assistantGrade(each.grade) })) : list,
      );
    }
    const grade = assistantGrade(gradeOf(this.query, 0, 0, false));
    return [lists.flat().map((each) => ({ ...each, grade }))];
  }

  private candidatesOf(valueAt: (pair: FieldPair) => number | undefined): StoredCandidate[] {
    const only: StoredCandidate[] = [];
    let best: StoredCandidate | undefined;
    const consider = (value: number | undefined, grade: number) => {
      if (value === undefined) return false;
      const candidate = { ...placeOfNumber(value, this.layout.turnsMax), grade };
      if (candidate.isOnly) only.push(candidate);
      else if (
        best === undefined ||
        grade > best.grade ||
        (grade === best.grade && isBefore(candidate, best))
      )
        best = candidate;
      return true;
    };
    for (const [history, { normalized, prompt, start, runs }] of this.histories.entries()) {
      const { length } = this.query.histories[history] as readonly TextKeys[];
      if (start !== undefined) consider(valueAt(start), gradeOf(this.query, history, length - 1, true));
      for (let i = runs.length - 1; i >= 0; i--) {
        const run = RUN_TURNS_MIN + i - 1;
        if (consider(valueAt(runs[i] as FieldPair), gradeOf(this.query, history, run, false))) break;
      }
      const hasPrompt = consider(valueAt(prompt), gradeOf(this.query, history, 0, false));
      if (!hasPrompt) consider(this.normalizedValue(valueAt(normalized)), normalizedGrade(history));
    }
    return best === undefined ? only : [best, ...only];
  }

  /** Queries that compare texts exactly need the field of the normalized text for prompts that occur once, which have no other. */
  private normalizedValue(value: number | undefined): number | undefined {
    if (value === undefined || this.query.contextual) return value;
    return placeOfNumber(value, this.layout.turnsMax).isOnly ? value : undefined;
  }

  private fieldsOf(texts: readonly TextKeys[]): HistoryFields {
    const last = texts.at(-1) as TextKeys;
    const normalizedKey = RunKey.ofNormalized(last.normalized);
    const run = RunKey.ofPrompt(last.key);
    const normalized = this.pairOf(normalizedKey, normalizedKey);
    const prompt = this.pairOf(normalizedKey, run);
    if (!this.query.contextual) return { normalized, prompt, start: undefined, runs: [] };
    const runs: FieldPair[] = [];
    let bucket: Key = normalizedKey;
    const longest = Math.min(texts.length, RUN_TURNS_MAX);
    for (let length = 2; length <= longest; length++) {
      run.add((texts[texts.length - length] as TextKeys).key);
      if (length <= RUN_TURNS_MIN) bucket = { low: run.low, high: run.high };
      if (length >= RUN_TURNS_MIN) runs.push(this.pairOf(bucket, run));
    }
    const startKey = RunKey.ofStart();
    for (const { key } of texts) startKey.add(key);
    return { normalized, prompt, start: this.pairOf(bucket, startKey), runs };
  }

  private pairOf(bucketKey: Key, key: Key): FieldPair {
    const bucket = bucketOf(bucketKey, this.layout.buckets);
    const name = fieldOf(key, true);
    const id = `${bucket} ${name}`;
    const known = this.known.get(id);
    if (known !== undefined) return known;
    const names = this.names.get(bucket) ?? [];
    if (names.length === 0) this.names.set(bucket, names);
    const at = names.push(name, fieldOf(key, false)) - 2;
    const pair = { assistant: { bucket, at }, other: { bucket, at: at + 1 } };
    this.known.set(id, pair);
    return pair;
  }
}

/** True if one turn comes before another one in the file. */
export function isBefore(one: RunPlace, other: RunPlace): boolean {
  return one.record < other.record || (one.record === other.record && one.turn < other.turn);
}

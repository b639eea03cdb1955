import { lengthOf } from '../core/bytes.js';
import { SIMILAR_BYTES_MAX } from '../core/limits.js';
import type { Place } from '../core/place.js';
import type { Query } from '../core/query.js';
import { scoreOf, shinglesOf } from '../core/score.js';
import type { DatasetReader } from '../dataset/reader.js';
import type { IndexSearch, RepliedTurn } from '../index/search.js';
import type { IndexTable } from '../index/table.js';
import type { Kernel } from '../kernel/kernel.js';
import { markOf, mayReach, type Sketches, type SketchHit, type SketchSearch } from '../kernel/sketches.js';
import type { Candidates, MatchTokens, NearCandidate, NearestQuery, NearMatch } from './lookup.js';
import { RowCount } from './row-tokens.js';
import { replyAt, textAt } from './verify.js';

/** A prompt of a query, with the number of messages before it; undefined if that doesn't matter. */
export interface Sought {
  readonly text: string;
  readonly shingles: ReadonlySet<number>;
  readonly depth: number | undefined;
}

/** A turn, with its text, and its score for the prompt. */
interface Scored {
  readonly turn: NearCandidate;
  readonly text: string;
  readonly score: number;
}

/** A table of an index, with the sketches of its turns. */
export interface SketchedTable {
  readonly table: IndexTable;
  readonly index: IndexSearch;
  readonly sketches: Sketches;
}

/** The search for each prompt that is sought; undefined for those that are too short for one. */
export function searchesFor(asked: NearestQuery, kernel: Kernel): readonly (SketchSearch | undefined)[] {
  return soughtBy(asked.query, asked.isAnswer).map((sought) => searchFor(sought, asked, kernel));
}

/** The turns of a table whose sketches are nearest, a list for each search. Yields after each part of the work. */
export function* nearestTurns(
  { table, index, sketches }: SketchedTable,
  searches: readonly (SketchSearch | undefined)[],
  query: Query,
  reader: DatasetReader,
): Generator<void, Candidates> {
  const candidateOf = ({ at, distance }: SketchHit) => {
    const turn = index.replied(at);
    const tokens = { history: 0, reply: new RowCount(table, turn.row + 1), messages: () => [] };
    return candidateAt({ ...turn, distance, order: turn.row }, query, reader, tokens);
  };
  const lists: (readonly NearCandidate[])[] = [];
  for (const search of searches) {
    const hits = search === undefined ? [] : yield* sketches.nearest(search);
    lists.push(hits.map(candidateOf));
  }
  return lists;
}

/** The search for the sketches that are near to a prompt's; undefined if it is too short for one. */
export function searchFor(
  { text, depth }: Sought,
  { scoreMin }: NearestQuery,
  kernel: Kernel,
): SketchSearch | undefined {
  const sketch = kernel.sketchOf(text);
  return sketch && { sketch, mark: depth === undefined ? undefined : markOf(depth, false), scoreMin };
}

/** A turn at a place of a file, with the place of it and its reply. */
export function candidateAt(
  {
    distance,
    depth,
    order,
    prompt,
    pair,
  }: Pick<RepliedTurn, 'prompt' | 'depth'> & {
    readonly pair: Place;
    readonly distance: number;
    readonly order: number;
  },
  { wantsTimings }: Query,
  reader: DatasetReader,
  tokens?: MatchTokens,
): NearCandidate {
  return {
    distance,
    depth,
    bytes: lengthOf(prompt.turns),
    order: [order],
    text: () => textAt(prompt, reader) ?? '',
    reply: () => {
      const found = replyAt(pair, reader, wantsTimings);
      return found && { ...found, tokens };
    },
  };
}

/** The turns that are nearest to a prompt, by their texts: the best score first; of equals the first in order. Yields after each. */
export function* bestOf(candidates: Candidates, asked: NearestQuery): Generator<void, readonly NearMatch[]> {
  let best: readonly Scored[] = [];
  for (const [i, sought] of soughtBy(asked.query, asked.isAnswer).entries())
    best = yield* betterOf(best, candidates[i] ?? [], sought, asked);
  return best.flatMap(({ turn, text, score }) => {
    const found = turn.reply();
    return found === undefined ? [] : [{ ...found, dataset: turn.dataset, rung: 'nearest', score, text }];
  });
}

/** The best of some turns and of the candidates. */
function* betterOf(
  before: readonly Scored[],
  candidates: readonly NearCandidate[],
  { shingles, depth }: Sought,
  { count, scoreMin, bytesMax }: NearestQuery,
): Generator<void, readonly Scored[]> {
  let best = before;
  let left = bytesMax;
  for (const turn of candidates) {
    if (!mayReach(turn.distance, best[count - 1]?.score ?? 0)) break;
    const isOther = depth !== undefined && depth !== turn.depth;
    if (isOther || turn.bytes > Math.min(left, SIMILAR_BYTES_MAX)) continue;
    left -= turn.bytes;
    const text = turn.text();
    const score = scoreOf(shingles, shinglesOf(text));
    if (score > 0 && score >= scoreMin) best = withOne(best, { turn, text, score }).slice(0, count);
    yield;
  }
  return best;
}

/** The prompts of a query, each text once for each number of messages before it. */
export function soughtBy({ histories }: Query, isAnswer: boolean): readonly Sought[] {
  const known = new Map<string, Sought>();
  for (const history of histories) {
    const text = history.at(-1) ?? '';
    const depth = isAnswer ? history.length - 1 : undefined;
    if (text.length > SIMILAR_BYTES_MAX || !/\S/.test(text)) continue;
    const key = `${depth} ${text}`;
    if (!known.has(key)) known.set(key, { text, shingles: shinglesOf(text), depth });
  }
  return [...known.values()];
}

/** The list with one more turn, in the order of the scores; equals are in their order, and each turn is in it once. */
function withOne(list: readonly Scored[], one: Scored): readonly Scored[] {
  const isSame = ({ turn }: Scored) => compareOrders(turn.order, one.turn.order) === 0;
  const others = list.filter((each) => !isSame(each) || each.score > one.score);
  if (others.some(isSame)) return list;
  return [...others, one].sort((a, b) => b.score - a.score || compareOrders(a.turn.order, b.turn.order));
}

function compareOrders(one: readonly number[], other: readonly number[]): number {
  const at = one.findIndex((number, i) => number !== other[i]);
  return at < 0 ? 0 : (one[at] as number) - (other[at] as number);
}

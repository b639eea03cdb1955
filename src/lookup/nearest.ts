import { lengthOf } from '../core/bytes.js';
import { SIMILAR_BYTES_MAX } from '../core/limits.js';
import type { Place } from '../core/place.js';
import type { Query } from '../core/query.js';
import { scoreOf, shinglesOf } from '../core/score.js';
import type { DatasetReader } from '../dataset/reader.js';
import type { IndexSearch, RepliedTurn } from '../index/search.js';
import type { Kernel } from '../kernel/kernel.js';
import { markOf, mayReach, type Sketches } from '../kernel/sketches.js';
import type { MatchTokens, NearestQuery, NearMatch, TokenCount } from './lookup.js';
import { replyAt, textAt } from './verify.js';

/** A prompt of a query, with the number of messages before it; undefined if that doesn't matter. */
export interface Sought {
  readonly text: string;
  readonly shingles: ReadonlySet<number>;
  readonly depth: number | undefined;
}

/** A turn whose sketch is near, and how many bits of the sketches differ. */
interface NearCandidate {
  readonly distance: number;
  readonly turn: () => NearPlace;
}

/** A turn that has a reply, and its place in the order of the file. */
type NearPlace = Pick<RepliedTurn, 'row' | 'prompt' | 'depth'> & { readonly pair: Place };

/** A turn, with its score for the prompt. */
export interface Scored {
  readonly turn: NearPlace;
  readonly text: string;
  readonly score: number;
}

/** Finds the turns that are nearest to a prompt by an index: sketches find candidates, texts decide. */
export class NearestTurns {
  private readonly index: IndexSearch;
  private readonly kernel: Kernel;
  private readonly reader: DatasetReader;
  private readonly sketches: Sketches;
  private readonly countOf: (row: number) => TokenCount;

  /** @param countOf the token count of a row */
  constructor(
    index: IndexSearch,
    kernel: Kernel,
    reader: DatasetReader,
    sketches: Sketches,
    countOf: (row: number) => TokenCount,
  ) {
    this.index = index;
    this.kernel = kernel;
    this.reader = reader;
    this.sketches = sketches;
    this.countOf = countOf;
  }

  /** Yields after each part of the work. */
  *find(asked: NearestQuery): Generator<void, readonly NearMatch[]> {
    let best: readonly Scored[] = [];
    for (const sought of soughtBy(asked.query, asked.isAnswer)) {
      const sketch = this.kernel.sketchOf(sought.text);
      if (sketch === undefined) continue;
      const mark = sought.depth === undefined ? undefined : markOf(sought.depth, false);
      const hits = yield* this.sketches.nearest({ sketch, mark, scoreMin: asked.scoreMin });
      const candidates = hits.map(({ at, distance }) => ({ distance, turn: () => this.index.replied(at) }));
      best = yield* bestOf(best, candidates, sought, asked, this.reader);
    }
    return best.flatMap((one) => {
      const tokens = { history: 0, reply: this.countOf(one.turn.row + 1), messages: () => [] };
      return nearMatchOf(one, this.reader, tokens) ?? [];
    });
  }
}

/**
 * The best turns of those before and of the candidates, by their texts. Yields after each.
 *
 * @param candidates those whose sketches are nearest first
 */
export function* bestOf(
  before: readonly Scored[],
  candidates: readonly NearCandidate[],
  { shingles, depth }: Sought,
  { count, scoreMin, bytesMax }: NearestQuery,
  reader: DatasetReader,
): Generator<void, readonly Scored[]> {
  let best = before;
  let left = bytesMax;
  for (const candidate of candidates) {
    if (!mayReach(candidate.distance, best[count - 1]?.score ?? 0)) break;
    const turn = candidate.turn();
    const bytes = lengthOf(turn.prompt.turns);
    if ((depth ?? turn.depth) !== turn.depth || bytes > Math.min(left, SIMILAR_BYTES_MAX)) continue;
    left -= bytes;
    const text = textAt(turn.prompt, reader) ?? '';
    const score = scoreOf(shingles, shinglesOf(text));
    if (score > 0 && score >= scoreMin) best = withOne(best, { turn, text, score }).slice(0, count);
    yield;
  }
  return best;
}

/** The reply to a turn; undefined if the bytes in the file are something else. */
export function nearMatchOf(
  { turn: { pair }, text, score }: Scored,
  reader: DatasetReader,
  tokens?: MatchTokens,
): NearMatch | undefined {
  const found = replyAt(pair, reader);
  return found && { ...found, rung: 'nearest', score, text, tokens };
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

/** The list with one more turn, in the order of the scores; equals are in file order, and each turn is in it once. */
function withOne(list: readonly Scored[], one: Scored): readonly Scored[] {
  const others = list.filter(({ turn, score }) => turn.row !== one.turn.row || score > one.score);
  if (others.some(({ turn }) => turn.row === one.turn.row)) return list;
  return [...others, one].sort((a, b) => b.score - a.score || a.turn.row - b.turn.row);
}

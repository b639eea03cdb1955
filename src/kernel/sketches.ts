/** The sketches of all turns that have a reply, in file order, and the search for those that are nearest to a text's. */

import { SCORE_MARGIN, SKETCHES_COMPARED_TOGETHER } from '../core/limits.js';
import type { Sketch } from './kernel.js';
import { SKETCH_NUMBERS } from './kernel.js';

/** The exports of `assembly/index.ts` that search sketches. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  laySketches(count: number): number;
  soughtAt(): number;
  hitsAt(): number;
  findSketches(from: number, to: number, limit: number, isMarked: boolean): number;
}

// The same numbers as in `assembly/sketch.ts`.
export const KEPT = 64;
const ROOM = 4 * KEPT;
const HIT_NUMBERS = 2;
export const MARK_SHIFT = 24;
const OTHER_MARK = 0x80;
const DEPTH_MAX = 0x7f;

/** Bits of a text in its sketch. */
const SKETCH_BITS = 120;

/** A sketch that is near: its number among all, and how many bits differ. */
export interface SketchHit {
  readonly at: number;
  readonly distance: number;
}

/** What a text's nearest sketches are searched for. */
export interface SketchSearch {
  readonly sketch: Sketch;
  /** The mark that the turns must have; undefined if it doesn't matter. */
  readonly mark: number | undefined;
  /** The score that a turn must have at least. */
  readonly scoreMin: number;
}

/**
 * What a sketch says of its turn besides the text.
 *
 * @param depth how many turns that aren't empty are before it; beyond `DEPTH_MAX`, all numbers have the same mark
 * @param isOther true if its reply isn't an assistant's
 */
export function markOf(depth: number, isOther: boolean): number {
  return Math.min(depth, DEPTH_MAX) | (isOther ? OTHER_MARK : 0);
}

/** Writes a mark into the last number of a text's sketch. */
export function withMark(number: number, mark: number): number {
  return (number | (mark << MARK_SHIFT)) >>> 0;
}

/** False if the score of two texts is hardly that high, given how many bits of their sketches differ. */
export function mayReach(distance: number, score: number): boolean {
  return distance <= distanceMax(score);
}

/** The sketches, in a kernel instance of their own. Its memory is the only one that holds them. */
export class Sketches {
  readonly count: number;
  private readonly exports: Exports;
  private readonly numbers: Uint32Array;
  private filled = 0;

  constructor(module: WebAssembly.Module, count: number) {
    this.count = count;
    this.exports = new WebAssembly.Instance(module).exports as unknown as Exports;
    const start = this.exports.laySketches(count);
    this.numbers = new Uint32Array(this.exports.memory.buffer, start, count * SKETCH_NUMBERS);
  }

  /** Adds the sketches of the next turns in file order; false if there are more than there should be. */
  add(sketches: Uint32Array): boolean {
    if (this.filled + sketches.length > this.numbers.length) return false;
    this.numbers.set(sketches, this.filled);
    this.filled += sketches.length;
    return true;
  }

  /** Those of several consecutive ranges of a file, in file order; each of them complete. */
  static joined(module: WebAssembly.Module, parts: readonly Sketches[]): Sketches {
    const all = new Sketches(
      module,
      parts.reduce((sum, { count }) => sum + count, 0),
    );
    for (const { numbers } of parts) all.add(numbers);
    return all;
  }

  /** True once all are added. */
  get isComplete(): boolean {
    return this.filled === this.numbers.length;
  }

  /** The nearest sketches, `KEPT` of them at most: the nearest first; of equally near ones the first in file order. */
  *nearest({ sketch, mark, scoreMin }: SketchSearch): Generator<void, readonly SketchHit[]> {
    const { exports } = this;
    const sought = sketch.map((number, i) =>
      i === SKETCH_NUMBERS - 1 ? withMark(number, mark ?? 0) : number,
    );
    let nearest: SketchHit[] = [];
    let limit = distanceMax(scoreMin);
    for (let from = 0; from < this.count && limit >= 0; from += SKETCHES_COMPARED_TOGETHER) {
      // Another search may have used the instance since the last step.
      new Uint32Array(exports.memory.buffer, exports.soughtAt(), SKETCH_NUMBERS).set(sought);
      const to = Math.min(this.count, from + SKETCHES_COMPARED_TOGETHER);
      const count = exports.findSketches(from, to, limit, mark !== undefined);
      const found = new Uint32Array(
        exports.memory.buffer,
        exports.hitsAt(),
        Math.min(count, ROOM) * HIT_NUMBERS,
      );
      nearest = nearestOf(nearest, found);
      if (nearest.length === KEPT) limit = Math.min(limit, (nearest.at(-1) as SketchHit).distance - 1);
      yield;
    }
    return nearest;
  }
}

/** The nearest of the hits before and some later ones. */
function nearestOf(before: readonly SketchHit[], found: Uint32Array): SketchHit[] {
  const all = [...before];
  for (let i = 0; i < found.length; i += HIT_NUMBERS)
    all.push({ at: found[i] as number, distance: found[i + 1] as number });
  return all.sort((a, b) => a.distance - b.distance || a.at - b.at).slice(0, KEPT);
}

/** How many bits may differ: half of them do by chance if two texts have nothing in common. */
export function distanceMax(score: number): number {
  return Math.floor((SKETCH_BITS / 2) * Math.min(1, 1 - score + SCORE_MARGIN));
}

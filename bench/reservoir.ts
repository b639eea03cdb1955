import type { Random } from './random.js';

/** A uniform sample of a given size, or all items if there are fewer. (Vitter's algorithm R.) */
export class Reservoir<T> {
  readonly items: T[] = [];
  private readonly count: number;
  private readonly random: Random;
  private seen = 0;

  constructor(count: number, random: Random) {
    this.count = count;
    this.random = random;
  }

  add(item: T): void {
    this.seen++;
    const at = this.seen <= this.count ? this.seen - 1 : this.random.below(this.seen);
    if (at < this.count) this.items[at] = item;
  }
}

/** Random numbers that a seed repeats. */

/**
 * A stream of random numbers: the generator sfc32 of PractRand (Chris Doty-Humphrey). Streams of the same seed with different numbers are
 * independent of each other, so that requests that run at the same time don't change each other's numbers.
 */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;
  /** The second of two normal numbers that were made together. */
  private spare: number | undefined = undefined;

  /**
   * @param seed a whole number from 0
   * @param stream the number of the stream, from 0
   */
  constructor(seed: number, stream: number) {
    this.a = mixed(seed >>> 0, stream >>> 0);
    this.b = mixed(Math.floor(seed / 2 ** 32) >>> 0, this.a);
    this.c = mixed(Math.floor(stream / 2 ** 32) >>> 0, this.b);
    for (let i = 0; i < WARM_UP; i++) this.bits();
  }

  /** A number from 0 to 1, without 1. */
  next(): number {
    return this.bits() / 2 ** 32;
  }

  /** A number of the normal distribution with the mean 0 and the standard deviation 1: Marsaglia's polar method. */
  normal(): number {
    if (this.spare !== undefined) {
      const { spare } = this;
      this.spare = undefined;
      return spare;
    }
    for (;;) {
      const x = 2 * this.next() - 1;
      const y = 2 * this.next() - 1;
      const square = x * x + y * y;
      if (square >= 1 || square === 0) continue;
      const factor = Math.sqrt((-2 * Math.log(square)) / square);
      this.spare = y * factor;
      return x * factor;
    }
  }

  private bits(): number {
    const sum = (this.a + this.b + this.counter++) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = ((this.c << 21) | (this.c >>> 11)) + sum;
    return sum >>> 0;
  }
}

/** Numbers that are dropped at the start, while the state is still similar to the seed: as many as PractRand drops. */
const WARM_UP = 12;

/** Two numbers of 32 bits as one, all of whose bits depend on all of theirs: the finalizer of MurmurHash3 (Austin Appleby). */
function mixed(x: number, y: number): number {
  let h = x ^ Math.imul(y, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

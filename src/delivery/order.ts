import { SCOPES_MAX } from '../core/limits.js';

/**
 * Counts the requests of each test by themselves, and those of no test: what a test gets doesn't depend on the tests that run at the same
 * time. Keeps the counts of the `SCOPES_MAX` tests that sent a request last.
 */
export class Order {
  private readonly counts = new Map<string, number>();

  /**
   * Counts a request.
   *
   * @returns how many came before it
   */
  next(test = ''): number {
    const index = this.counts.get(test) ?? 0;
    this.counts.delete(test);
    this.counts.set(test, index + 1);
    if (this.counts.size > SCOPES_MAX) this.counts.delete(this.counts.keys().next().value as string);
    return index;
  }
}

/**
 * The number of the stream of random numbers of a request.
 *
 * @param purpose streams with different purposes have different random numbers
 * @param index how many requests of its test came before it
 */
export function streamOf(purpose: string, test: string | undefined, index: number): number {
  return hashOf(`${purpose} ${test ?? ''}`) * STREAMS_A_TEST + (index % STREAMS_A_TEST);
}

/** A hash and an index below this are a whole number that JavaScript represents. */
const STREAMS_A_TEST = 2 ** 21;

/** A hash of 32 bits: FNV-1a. */
export function hashOf(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

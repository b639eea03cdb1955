import { SCOPES_MAX } from '../core/limits.js';

/** The place of a request among others. */
export interface Place {
  /** How many came before it. */
  readonly index: number;
  /** The number of its stream of random numbers. */
  readonly stream: number;
}

/**
 * Counts the requests of each test by themselves, and those of no test: what a test gets doesn't depend on the tests that run at the same
 * time. Keeps the counts of the `SCOPES_MAX` tests that sent a request last.
 */
export class Order {
  private readonly purpose: string;
  private readonly counts = new Map<string, number>();

  /** @param purpose orders with different purposes have different random numbers */
  constructor(purpose: string) {
    this.purpose = purpose;
  }

  /** Counts a request. */
  next(test = ''): Place {
    const index = this.counts.get(test) ?? 0;
    this.counts.delete(test);
    this.counts.set(test, index + 1);
    if (this.counts.size > SCOPES_MAX) this.counts.delete(this.counts.keys().next().value as string);
    return { index, stream: hash(`${this.purpose} ${test}`) * STREAMS_A_TEST + (index % STREAMS_A_TEST) };
  }
}

/** A hash and an index below this are a whole number that JavaScript represents. */
const STREAMS_A_TEST = 2 ** 21;

/** A hash of 32 bits: FNV-1a. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

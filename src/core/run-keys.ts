/**
 * Keys of runs: of a prompt with the turns before it. A store finds turns by them, where an index has all turns in one order.
 *
 * The key of a run is made from the keys of its texts, the last one first, so that each run is one step from the next shorter one. A bucket
 * of the store has what begins with the same texts: all that depends on a prompt alone, or on three turns.
 */

import type { Key } from './keys.js';

/** With fewer messages before a prompt, a run counts no more than the prompt. */
export const RUN_TURNS_MIN = 3;
/** Longer runs count as this long. */
export const RUN_TURNS_MAX = 64;

/** Distinguishes kinds of keys that are made from the same texts. */
const KIND = { normalized: 0x9e37_79b1, run: 0x85eb_ca77, start: 0xc2b2_ae3d } as const;

/** A key that other keys are added to, in order. */
export class RunKey implements Key {
  low: number;
  high: number;

  private constructor(low: number, high: number) {
    this.low = low;
    this.high = high;
  }

  /** Of a prompt with its white space normalized. */
  static ofNormalized(normalized: Key): RunKey {
    return new RunKey(KIND.normalized, 0).add(normalized);
  }

  /** Of a prompt alone. The keys of the turns before it are added, the last one first. */
  static ofPrompt(prompt: Key): RunKey {
    return new RunKey(KIND.run, 0).add(prompt);
  }

  /** Of no turn. The keys of a whole conversation are added, the first one first. */
  static ofStart(): RunKey {
    return new RunKey(KIND.start, 0);
  }

  /** Adds a key, and returns this. */
  add({ low, high }: Key): this {
    return this.addHalves(low, high);
  }

  /** The same, for the halves of a key. */
  addHalves(low: number, high: number): this {
    // A Feistel network: no two keys give the same sum.
    let left = this.low ^ low;
    let right = this.high ^ high;
    left = (left + scrambled(right)) | 0;
    right = (right + scrambled(left)) | 0;
    left = (left + scrambled(right)) | 0;
    right = (right + scrambled(left)) | 0;
    this.low = left >>> 0;
    this.high = right >>> 0;
    return this;
  }
}

/** The last step of MurmurHash3, after a constant that keeps 0 from being mapped to itself. */
function scrambled(value: number): number {
  let hash = value + 0x2545_f491;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return hash ^ (hash >>> 16);
}

/** The bucket of all that begins with the texts of a key. */
export function bucketOf({ high }: Key, buckets: number): number {
  return Math.floor((high / 2 ** 32) * buckets);
}

/** The length of a field. */
export const FIELD_LENGTH = 7;

/**
 * The name of a key's field in its bucket: 48 bits of it, seven in each character, and whether the reply is an assistant's. Its characters are
 * ASCII, so that it takes a byte for each.
 */
export function fieldOf({ low, high }: Key, isAssistant: boolean): string {
  return String.fromCharCode(
    low & 127,
    (low >>> 7) & 127,
    (low >>> 14) & 127,
    (low >>> 21) & 127,
    (low >>> 28) | ((high & 7) << 4),
    (high >>> 3) & 127,
    ((high >>> 10) & 63) | (isAssistant ? 64 : 0),
  );
}

/** What a field has. */
export interface RunPlace {
  readonly record: number;
  readonly turn: number;
  /** True if no other turn has the key. Longer runs that end there have no field. */
  readonly isOnly: boolean;
}

/**
 * A place as a number.
 *
 * @param turnsMax more than the turns of any record
 */
export function placeNumber({ record, turn, isOnly }: RunPlace, turnsMax: number): number {
  return (record * turnsMax + turn) * 2 + Number(isOnly);
}

/** The place of a number. */
export function placeOfNumber(number: number, turnsMax: number): RunPlace {
  const turns = Math.floor(number / 2);
  return { record: Math.floor(turns / turnsMax), turn: turns % turnsMax, isOnly: number % 2 === 1 };
}

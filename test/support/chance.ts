/** A seeded random source (Mulberry32): integers below a bound. */
export type Chance = (bound: number) => number;

export function chance(seed: number): Chance {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

/** One of a list. */
export function pick<T>(random: Chance, list: readonly T[]): T {
  return list[random(list.length)] as T;
}

/** The time, and chance: what answers are named by. */
export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** A random string of that many hexadecimal digits. */
  readonly newId: (length: number) => string;
}

/** The sources of time and randomness for the ids and dates of answers. */
export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** A random string of `length` hexadecimal digits. */
  readonly newId: (length: number) => string;
}

/** The current date in whole seconds since 1970. */
export function secondsOf({ now }: Clock): number {
  return Math.floor(now() / 1000);
}

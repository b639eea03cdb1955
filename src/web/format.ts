/** Numbers for people. */

const WHOLE = new Intl.NumberFormat('en');
const SHORT = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** A count: `1,234`. */
export function count(value: number): string {
  return WHOLE.format(value);
}

/** A count and its noun: `1 turn`, `1,234 turns`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** A size in decimal units: `678 MB`. */
export function bytes(value: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, value)) / 3));
  return `${SHORT.format(value / 1000 ** power)} ${UNITS[power]}`;
}

/** A time in milliseconds: `0.4 ms`, `12 ms`, `1.23 s`. */
export function duration(ms: number): string {
  if (ms < 10) return `${Math.round(ms * 10) / 10} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : seconds(ms / 1000);
}

/** A time in seconds: `0.31 s`, `12 s`. */
export function seconds(value: number): string {
  return `${value < 0.1 ? Math.round(value * 1000) / 1000 : SHORT.format(value)} s`;
}

/** A share: `41 %`. */
export function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}

/** The time of day of a moment in milliseconds since 1970: `14:03:07`. */
export function timeOfDay(ms: number): string {
  return new Date(ms).toLocaleTimeString('en-GB');
}

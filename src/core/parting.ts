import { normalizeSpace } from './keys.js';
import {
  PARTING_CONTEXT_LENGTH,
  PARTING_EQUAL_LENGTH,
  PARTING_LENGTH_MAX,
  PARTING_SOUGHT_LENGTH,
} from './limits.js';

/** Where two texts part, in both: a few letters around their first difference, which is in brackets: `…for 2031-0⟦4⟧-05`. */
export interface Parting {
  readonly one: string;
  readonly other: string;
}

/** The first difference of two texts, white space normalized; undefined if they are equal. */
export function partingOf(one: string, other: string): Parting | undefined {
  const [a, b] = [normalizeSpace(one), normalizeSpace(other)];
  const at = firstDifference(a, b);
  if (at === undefined) return undefined;
  const { inOne, inOther } = differenceAt(a, b, at);
  return { one: shown(a, at, inOne), other: shown(b, at, inOther) };
}

function firstDifference(a: string, b: string): number | undefined {
  if (a === b) return undefined;
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return at;
}

/** The length of a difference in both texts: they are equal after it. If they aren't soon, it is the rest of both. */
function differenceAt(
  a: string,
  b: string,
  at: number,
): { readonly inOne: number; readonly inOther: number } {
  for (let both = 1; both <= PARTING_SOUGHT_LENGTH; both++) {
    for (let inOther = 0; inOther <= both; inOther++) {
      const inOne = both - inOther;
      if (areEqualFrom(a, at + inOne, b, at + inOther)) return { inOne, inOther };
    }
  }
  return { inOne: a.length - at, inOther: b.length - at };
}

/** True if the next characters of both texts are equal, or both end. */
function areEqualFrom(a: string, atA: number, b: string, atB: number): boolean {
  if (atA > a.length || atB > b.length) return false;
  return a.slice(atA, atA + PARTING_EQUAL_LENGTH) === b.slice(atB, atB + PARTING_EQUAL_LENGTH);
}

function shown(text: string, at: number, length: number): string {
  const before = text.slice(Math.max(0, at - PARTING_CONTEXT_LENGTH), at);
  const after = text.slice(at + length, at + length + PARTING_CONTEXT_LENGTH);
  const differing = text.slice(at, at + length);
  const cut =
    differing.length > PARTING_LENGTH_MAX ? `${differing.slice(0, PARTING_LENGTH_MAX)}…` : differing;
  const start = at > PARTING_CONTEXT_LENGTH ? '…' : '';
  const end = at + length + PARTING_CONTEXT_LENGTH < text.length ? '…' : '';
  return `${start}${before}⟦${cut}⟧${after}${end}`.toWellFormed();
}

/** Where two texts differ, letter by letter. */

/** A part of both texts: equal, only in the first, or only in the second. */
export interface Part {
  readonly kind: 'equal' | 'removed' | 'added';
  readonly text: string;
}

/** The table of a comparison has at most this many cells; a longer difference is one part of each text. */
const CELLS_MAX = 4_000_000;

/** The parts that turn a text into another, in order. */
export function differenceOf(one: string, other: string): readonly Part[] {
  const a = [...one];
  const b = [...other];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let rest = 0;
  while (rest < a.length - start && rest < b.length - start && a.at(-1 - rest) === b.at(-1 - rest)) rest++;
  const middle = between(a.slice(start, a.length - rest), b.slice(start, b.length - rest));
  return joined([equal(a.slice(0, start).join('')), ...middle, equal(a.slice(a.length - rest).join(''))]);
}

function between(a: readonly string[], b: readonly string[]): Part[] {
  if (a.length * b.length > CELLS_MAX) {
    return [
      { kind: 'removed', text: a.join('') },
      { kind: 'added', text: b.join('') },
    ];
  }
  // lengths[i * width + j]: the length of the longest common sequence of a from i and b from j.
  const width = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number) => lengths[i * width + j] as number;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const parts: Part[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      parts.push(equal(a[i] as string));
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) {
      parts.push({ kind: 'removed', text: a[i++] as string });
    } else parts.push({ kind: 'added', text: b[j++] as string });
  }
  return parts;
}

function equal(text: string): Part {
  return { kind: 'equal', text };
}

/** An equal part that is shorter, between two differences, is a coincidence. */
const EQUAL_MIN = 3;

/** Neighbours of the same kind as one part; a difference is what was removed, and then what was added. */
function joined(parts: readonly Part[]): Part[] {
  const runs: Part[] = [];
  for (const part of parts) {
    const last = runs.at(-1);
    if (part.text === '') continue;
    if (last?.kind === part.kind) runs[runs.length - 1] = { ...part, text: last.text + part.text };
    else runs.push(part);
  }
  const all: Part[] = [];
  let [removed, added] = ['', ''];
  const flush = () => {
    if (removed !== '') all.push({ kind: 'removed', text: removed });
    if (added !== '') all.push({ kind: 'added', text: added });
    [removed, added] = ['', ''];
  };
  for (const [i, { kind, text }] of runs.entries()) {
    const isBetween = i > 0 && i < runs.length - 1;
    if (kind === 'equal' && !(isBetween && text.length < EQUAL_MIN)) {
      flush();
      all.push({ kind, text });
      continue;
    }
    if (kind !== 'added') removed += text;
    if (kind !== 'removed') added += text;
  }
  flush();
  return all;
}

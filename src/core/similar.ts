import { COMPARED_LENGTH_MAX } from './limits.js';

/** True if two short texts are probably the same, apart from typing errors: at most a quarter of the characters differ. */
export function isSimilar(text: string, other: string): boolean {
  const length = Math.max(text.length, other.length);
  const editsMax = Math.floor(length / 4);
  if (length > COMPARED_LENGTH_MAX || Math.abs(text.length - other.length) > editsMax) return false;
  return countEdits(text, other, editsMax) <= editsMax;
}

/**
 * The edits that turn a text into another: characters inserted, removed, replaced, or swapped with their neighbour (the optimal string
 * alignment distance). Stops counting after `max`.
 */
function countEdits(text: string, other: string, max: number): number {
  let before: number[] = [];
  let row = Array.from({ length: other.length + 1 }, (_, j) => j);
  for (let i = 1; i <= text.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const isSame = text[i - 1] === other[j - 1];
      let edits = at(row, j - 1) + (isSame ? 0 : 1);
      edits = Math.min(edits, at(row, j) + 1, at(next, j - 1) + 1);
      if (!isSame && i > 1 && text[i - 2] === other[j - 1] && text[i - 1] === other[j - 2]) {
        edits = Math.min(edits, at(before, j - 2) + 1);
      }
      next.push(edits);
    }
    if (Math.min(...next) > max) return max + 1;
    before = row;
    row = next;
  }
  return at(row, other.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] as number;
}

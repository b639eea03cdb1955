/** The length counted for a number: JSON may need this many characters for it, including its comma. */
const NUMBER_LENGTH = 25;
/** The quotes or brackets, and a comma. */
const MARKS_LENGTH = 3;

/**
 * An upper bound for the length of a value's JSON in characters, not counting escapes.
 *
 * @param max counting stops once the length exceeds this
 */
export function jsonLength(value: unknown, max: number): number {
  if (typeof value === 'string') return value.length + MARKS_LENGTH;
  if (typeof value !== 'object' || value === null) return NUMBER_LENGTH;
  let length = MARKS_LENGTH;
  for (const [name, each] of Object.entries(value)) {
    length += name.length + MARKS_LENGTH + jsonLength(each, max - length);
    if (length > max) break;
  }
  return length;
}

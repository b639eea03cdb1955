/** What a number counts for: JSON may take that many characters for one, with its comma. */
const NUMBER_LENGTH = 25;
/** Quotes, or brackets, and a comma. */
const MARKS_LENGTH = 3;

/**
 * How many characters the JSON of a value has at most, escapes left out of account.
 *
 * @param max once there are more, no further ones are counted
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

import { createHash } from 'node:crypto';

/** V8 hashes a longer string by its length alone (`String::kMaxHashCalcLength`). A map of such strings compares all of the same length. */
const HASHED_LENGTH_MAX = 16_383;

/** A name of a text for maps: the text itself, or a digest of a long one. */
export function textId(text: string): string {
  return text.length <= HASHED_LENGTH_MAX
    ? text
    : createHash('sha256').update(text, 'utf16le').digest('base64');
}

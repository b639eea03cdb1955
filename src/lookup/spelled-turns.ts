/**
 * Turns as they stand in a file, taken without being parsed. Nearly all are spelled in one shape, and their texts as `JSON.stringify`
 * would spell them: then the text of a message can be compared, and that of a reply sent, as it stands there. What is spelled in any
 * other way is not for this file.
 *
 * Everything here is a byte string: each character is a byte of UTF-8.
 */

/** A turn: where its text stands, quotes included, and where it ends. */
export interface SpelledTurn {
  readonly textStart: number;
  readonly textEnd: number;
  readonly end: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * The turn that begins at a place where a value of valid JSON begins.
 *
 * @returns undefined if it is not `{"from": "…", "value": "…"}`, or the same with OpenAI's names, or if it calls a function
 */
export function spelledTurnAt(bytes: string, start: number): SpelledTurn | undefined {
  if (bytes.charCodeAt(start) !== OPEN_BRACE) return undefined;
  const nameStart = skipSpace(bytes, start + 1);
  if (!bytes.startsWith('"from"', nameStart) && !bytes.startsWith('"role"', nameStart)) return undefined;
  const colon = skipSpace(bytes, nameStart + '"from"'.length);
  const roleStart = skipSpace(bytes, colon + 1);
  const roleEnd = bytes.indexOf('"', roleStart + 1);
  if (bytes.charCodeAt(roleStart) !== QUOTE || !PLAIN_ROLES.has(bytes.slice(roleStart + 1, roleEnd)))
    return undefined;
  const comma = skipSpace(bytes, roleEnd + 1);
  if (bytes.charCodeAt(comma) !== COMMA) return undefined;
  const textName = skipSpace(bytes, comma + 1);
  const nameLength = bytes.startsWith('"value"', textName)
    ? 7
    : bytes.startsWith('"content"', textName)
      ? 9
      : 0;
  const textColon = skipSpace(bytes, textName + nameLength);
  if (nameLength === 0 || bytes.charCodeAt(textColon) !== COLON) return undefined;
  const textStart = skipSpace(bytes, textColon + 1);
  if (bytes.charCodeAt(textStart) !== QUOTE) return undefined;
  const textEnd = endOfText(bytes, textStart);
  const brace = skipSpace(bytes, textEnd);
  return bytes.charCodeAt(brace) === CLOSE_BRACE ? { textStart, textEnd, end: brace + 1 } : undefined;
}

/** Where the next value of a list begins, behind one that ends at `end`. */
export function nextStart(bytes: string, end: number): number {
  return skipSpace(bytes, skipSpace(bytes, end) + 1);
}

/** The usual names of who speaks, none of which is that of a function call. */
const PLAIN_ROLES: ReadonlySet<string> = new Set([
  'human',
  'gpt',
  'user',
  'assistant',
  'system',
  'chatgpt',
  'bing',
  'bard',
]);

/** True if a text of valid JSON, with its quotes, is spelled as `JSON.stringify` would spell it, if it is valid UTF-8. */
export function isStringified(text: string): boolean {
  for (let at = text.indexOf('\\'); at >= 0; at = text.indexOf('\\', at + 2)) {
    if (!SHORT_ESCAPES.includes(text[at + 1] as string)) return false;
  }
  return true;
}

/** What stands behind a backslash where there is no other way to spell it. A slash needs none, and most of what `\u` spells neither. */
const SHORT_ESCAPES = '"\\nrtbf';

function endOfText(bytes: string, start: number): number {
  for (let quote = bytes.indexOf('"', start + 1); quote >= 0; quote = bytes.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (bytes.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
  return bytes.length;
}

function skipSpace(bytes: string, start: number): number {
  let at = start;
  // Of JSON's structure, nothing but white space comes before the quote, and before `,`, `:` and braces.
  while (bytes.charCodeAt(at) <= 0x20) at++;
  return at;
}

/**
 * Texts as JSON, as they are sent, including the quotes. The JSON is a byte string: each character is a byte of UTF-8. It equals that of
 * `JSON.stringify`, except that U+0085, U+2028 and U+2029 are escaped. JSON doesn't require this, but many clients read a stream by lines
 * and end a line there, as Python's `str.splitlines` does.
 */

/** A text that is decoded or serialized only when needed. */
export interface SpelledText {
  readonly text: string;
  /** The JSON as it is sent, including the quotes; a byte string. */
  readonly spelled: string;
  /** The length of the form that is already known, in characters. */
  readonly knownLength: number;
}

/** A text of which the JSON is known, in this or any other spelling that JSON allows. */
export class Spelled implements SpelledText {
  readonly spelled: string;
  private decoded: string | undefined = undefined;

  /** @param spelled JSON of the text, a byte string */
  constructor(spelled: string) {
    this.spelled = withoutLineEnds(spelled);
  }

  get knownLength(): number {
    return this.spelled.length;
  }

  get text(): string {
    this.decoded ??= JSON.parse(Buffer.from(this.spelled, 'latin1').toString()) as string;
    return this.decoded;
  }
}

/** A text that is known in decoded form. */
export class Decoded implements SpelledText {
  readonly text: string;
  private known: string | undefined = undefined;

  constructor(text: string) {
    this.text = text;
  }

  get knownLength(): number {
    return this.text.length;
  }

  get spelled(): string {
    this.known ??= spell(this.text);
    return this.known;
  }
}

/** The JSON of a value as it is sent, a byte string. */
export function spell(value: unknown): string {
  return withoutLineEnds(plainJson(value));
}

/** The JSON of a value as `JSON.stringify` writes it, a byte string. */
export function plainJson(value: unknown): string {
  return byteString(JSON.stringify(value));
}

const NEXT_LINE = '\xc2\x85';
const LINE_SEPARATOR = '\xe2\x80\xa8';
const PARAGRAPH_SEPARATOR = '\xe2\x80\xa9';
const LINE_ENDS = [NEXT_LINE, LINE_SEPARATOR, PARAGRAPH_SEPARATOR];

/** Escapes all characters that a client may treat as the end of a line. Searching for rare bytes costs almost nothing. */
function withoutLineEnds(json: string): string {
  if (!LINE_ENDS.some((bytes) => json.includes(bytes))) return json;
  // With a million of them, `replaceAll` takes six times as long.
  return json
    .split(NEXT_LINE)
    .join('\\u0085')
    .split(LINE_SEPARATOR)
    .join('\\u2028')
    .split(PARAGRAPH_SEPARATOR)
    .join('\\u2029');
}

/** The UTF-8 bytes of a text, one per character. */
export function byteString(text: string): string {
  // For ASCII, the result is a copy that V8 stores with one byte per character, even if the text was stored with two. Strings that are
  // concatenated with it then stay at one byte, too.
  return Buffer.from(text).toString('latin1');
}

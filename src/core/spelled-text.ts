/**
 * Texts as JSON strings, ready to be sent. Such a string is a byte string: each of its characters is a byte of UTF-8. It equals the result
 * of `JSON.stringify`, except that U+0085, U+2028 and U+2029 are escaped: JSON doesn't require this, but many clients split a stream into
 * lines at these characters, as Python's `str.splitlines` does.
 */

/** A text that is decoded or serialized only when needed. */
export interface SpelledText {
  readonly text: string;
  /** The JSON as it is sent, including the quotes; a byte string. */
  readonly spelled: string;
  /** The length in characters of `text` or `spelled`, whichever the text was created from. */
  readonly knownLength: number;
}

/** A text that was created from its JSON, whose escapes may differ from those of `JSON.stringify`. */
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

/** A text that was created from its decoded form. */
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
  return spellJson(JSON.stringify(value));
}

/** JSON as it is sent, a byte string. */
export function spellJson(json: string): string {
  return withoutLineEnds(byteString(json));
}

/** The JSON of a value as `JSON.stringify` writes it, a byte string. */
export function plainJson(value: unknown): string {
  return byteString(JSON.stringify(value));
}

const NEXT_LINE = '\xc2\x85';
const LINE_SEPARATOR = '\xe2\x80\xa8';
const PARAGRAPH_SEPARATOR = '\xe2\x80\xa9';
const LINE_ENDS = [NEXT_LINE, LINE_SEPARATOR, PARAGRAPH_SEPARATOR];

/** Escapes all characters that a client may treat as the end of a line. Most texts have none, and are returned unchanged. */
function withoutLineEnds(json: string): string {
  if (!LINE_ENDS.some((bytes) => json.includes(bytes))) return json;
  // For a million of these characters, `replaceAll` takes six times as long as `split` and `join`.
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
  // V8 stores the result, and strings joined from such results, with one byte per character, even if the text had two.
  return Buffer.from(text).toString('latin1');
}

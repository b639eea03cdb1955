/**
 * JSON of texts as it is sent, quotes included, as byte strings: each character is a byte of UTF-8. It is that of `JSON.stringify`, but
 * for U+0085, U+2028 and U+2029, which are escaped: JSON allows them, but many clients read a stream by lines and end a line there, as
 * Python's `str.splitlines` does.
 */

/** A text, decoded or spelled only when somebody asks for that. */
export interface SpelledText {
  readonly text: string;
  /** As it is sent, quotes included; a byte string. */
  readonly spelled: string;
  /** The length of the one of both that is known, in characters. */
  readonly knownLength: number;
}

/** A text that is known as it is spelled, by this spelling or any other that JSON allows. */
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

/** A text that is known decoded. */
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

/** JSON of a value as it is sent, a byte string. */
export function spell(value: unknown): string {
  return withoutLineEnds(plainJson(value));
}

/** JSON of a value as `JSON.stringify` spells it, a byte string. */
export function plainJson(value: unknown): string {
  return byteString(JSON.stringify(value));
}

const NEXT_LINE = '\xc2\x85';
const LINE_SEPARATOR = '\xe2\x80\xa8';
const PARAGRAPH_SEPARATOR = '\xe2\x80\xa9';
const LINE_ENDS = [NEXT_LINE, LINE_SEPARATOR, PARAGRAPH_SEPARATOR];

/** The same JSON on one line, whatever a client takes for the end of a line. A search for bytes that are rare costs next to nothing. */
function withoutLineEnds(json: string): string {
  if (!LINE_ENDS.some((bytes) => json.includes(bytes))) return json;
  // Where there is a million of them, `replaceAll` takes six times as long.
  return json
    .split(NEXT_LINE)
    .join('\\u0085')
    .split(LINE_SEPARATOR)
    .join('\\u2028')
    .split(PARAGRAPH_SEPARATOR)
    .join('\\u2029');
}

/** The bytes of a text, a character each. */
export function byteString(text: string): string {
  // Of ASCII this is a copy, whose characters V8 keeps in a byte each, wherever the text has come from: so all that it is put together
  // with does, too.
  return Buffer.from(text).toString('latin1');
}

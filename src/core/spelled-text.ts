/** Texts as `JSON.stringify` spells them, quotes included, as byte strings: each character is a byte of UTF-8. */

/** A text, decoded or spelled only when somebody asks for that. */
export interface SpelledText {
  readonly text: string;
  /** As `JSON.stringify` spells it, quotes included; a byte string. */
  readonly spelled: string;
}

/** A text that is known as it is spelled, by this spelling or any other that JSON allows. */
export class Spelled implements SpelledText {
  readonly spelled: string;
  private decoded: string | undefined = undefined;

  constructor(spelled: string) {
    this.spelled = spelled;
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

  get spelled(): string {
    this.known ??= spell(this.text);
    return this.known;
  }
}

/** JSON of a value, as a byte string. */
export function spell(value: unknown): string {
  return byteString(JSON.stringify(value));
}

/** The bytes of a text, a character each. */
export function byteString(text: string): string {
  // Of ASCII this is a copy, whose characters V8 keeps in a byte each, wherever the text has come from: so all that it is put together
  // with does, too.
  return Buffer.from(text).toString('latin1');
}

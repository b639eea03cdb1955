/** Texts as `JSON.stringify` spells them, quotes included, as byte strings: each character is a byte of UTF-8. */

import type { Match, SpelledMatch } from './lookup.js';

/** How a text is spelled. */
export function spellingOf(text: string): string {
  return byteString(JSON.stringify(text));
}

/** The text behind a spelling, this one or any other that JSON allows. */
export function decodedSpelling(spelled: string): string {
  return JSON.parse(Buffer.from(spelled, 'latin1').toString()) as string;
}

/** The match, its reply spelled; undefined if that calls functions. */
export function spelledMatch({ reply, ...match }: Match): SpelledMatch | undefined {
  return reply.calls === undefined ? { ...match, spelled: spellingOf(reply.value) } : undefined;
}

/** The bytes of a text, a character each. */
export function byteString(text: string): string {
  // Of ASCII this is a copy, whose characters V8 keeps in a byte each, wherever the text has come from: so all that it is put together
  // with does, too.
  return Buffer.from(text).toString('latin1');
}

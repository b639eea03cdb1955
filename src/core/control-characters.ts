/**
 * Escapes the control characters that `JSON.stringify` doesn't, DEL and C1: some terminals obey them. U+2028 and U+2029 end a line for some
 * readers.
 */
export function escapeControls(line: string): string {
  return line.replace(/[\x7f-\x9f\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** Escapes all control characters. For lines that aren't JSON and may contain arguments or file names. */
export function escapeAllControls(line: string): string {
  return escapeControls(line.replace(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1)));
}

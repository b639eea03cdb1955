/** Control characters that `JSON.stringify` leaves as they are, and those that end lines or change the direction of writing. */
const CONTROLS = /[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * The beginning of a text in quotation marks, on one line.
 *
 * @param lengthMax characters; where the text is longer, an ellipsis follows
 */
export function quoteBeginning(text: string, lengthMax: number): string {
  const beginning = text.length > lengthMax ? `${text.slice(0, lengthMax).toWellFormed()}…` : text;
  return `'${plainLine(beginning)}'`;
}

/** A text on one line, its control characters escaped. */
export function plainLine(text: string): string {
  const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
  return escaped.replace(CONTROLS, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

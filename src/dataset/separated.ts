/** CSV and TSV: which files are, and what separates their fields. */

import { LIST_KEYS } from './shapes/lists.js';
import { TEXT_KEYS } from './shapes/texts.js';

/** What is between the fields of a row. */
export type Separator = '\t' | ',' | ';' | '|';

/** The separators; of those that a header has equally often, the first counts. */
const SEPARATORS: readonly Separator[] = ['\t', ',', ';', '|'];

/** The longest line with the names of columns, in bytes. */
const HEADER_LINE_BYTES = 1 << 16;

/** A first line that names the separator, as Excel reads it. */
const SEPARATOR_LINE = /^sep=([\t,;|])(?:\r\n|\r|\n)/i;

/** The names of columns that may be the only one: each holds whole conversations. */
const ONLY_COLUMNS: ReadonlySet<string> = new Set([...TEXT_KEYS, ...LIST_KEYS]);

/** Rows, from the header on. */
export interface Rows {
  readonly separator: Separator;
  /** How many bytes are before the header. */
  readonly headerAt: number;
}

/**
 * Recognizes CSV and TSV with a header line; undefined if it is neither.
 *
 * @param head the start of the file, after a byte order mark and blank lines
 */
export function rowsIn(head: Uint8Array): Rows | undefined {
  const text = Buffer.from(head.subarray(0, HEADER_LINE_BYTES)).toString();
  const [line, named] = SEPARATOR_LINE.exec(text) ?? [];
  if (line !== undefined) return { separator: named as Separator, headerAt: line.length };
  if (isOnlyColumn(text)) return { separator: ',', headerAt: 0 };
  const separator = separatorOf(text);
  return headerLine(separator).test(text) ? { separator, headerAt: 0 } : undefined;
}

/** True if the first line, which isn't the last, is the name of such a column. */
function isOnlyColumn(text: string): boolean {
  const [, name = ''] = /^"?([^"\t\r\n]+)"? *[\r\n]/.exec(text) ?? [];
  return ONLY_COLUMNS.has(name.trim().toLowerCase());
}

/** The separator that is most often in the first line, outside of quotes. */
function separatorOf(text: string): Separator {
  const [line = ''] = text.split(/[\r\n]/, 1);
  const unquoted = line.replaceAll(/"[^"]*"/g, '');
  const countOf = (separator: Separator) => unquoted.split(separator).length;
  return SEPARATORS.reduce((most, each) => (countOf(each) > countOf(most) ? each : most));
}

/** The sides of quoted fields at which rows have spaces: `"a" , "b"`. */
export function spacesAtQuotes(head: string, separator: Separator) {
  const quoted = '"[^"]*"';
  const between = spelled(separator);
  return {
    ltrim: new RegExp(`^${quoted} *${between} +"`, 'm').test(head),
    rtrim: new RegExp(`(?:^|${between}) *${quoted} +(?:${between}|\\r?$)`, 'm').test(head),
  };
}

/**
 * A line with the names of columns. The first columns may have none. A name begins with a letter, digit or underscore, and may be in double
 * quotes.
 */
function headerLine(separator: Separator): RegExp {
  const name = `(?:"[^"\\n]+" *|[\\p{L}\\d_][^"${separator}{}[\\]\\n]*)`;
  const between = spelled(separator);
  return new RegExp(`^(?:${between}+${name}|${name}${between})[^{}[\\]\\n]*[\\r\\n]`, 'u');
}

/** A separator in an expression. */
function spelled(separator: Separator): string {
  return separator === '|' ? '\\|' : separator;
}

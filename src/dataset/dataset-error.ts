import { CommandError } from '../core/errors.js';
import type { TextPosition } from '../core/text-position.js';

/** What a dataset must be, for messages. */
export const EXPECTED_DATASET =
  'a file of conversations: JSON, JSON lines, CSV, TSV, Parquet or Arrow, or one of them compressed';

/** Why a file can't be served: one line that names the file, the position of the error, and what was expected. */
export class DatasetError extends CommandError {
  override readonly name = 'DatasetError';

  /** The file, as the line names it; a control character in it is not replaced. */
  readonly path: string;
  /** True if the file couldn't be read just now; false if its contents can never be served. */
  readonly isTransient: boolean;

  /** @param position where the error is, if it is in one place */
  constructor(path: string, problem: string, position?: TextPosition, isTransient = false) {
    super(`${position === undefined ? printable(path) : printablePosition(path, position)}: ${problem}`);
    this.path = path;
    this.isTransient = isTransient;
  }
}

/** The path as messages show it: on one line, even if it contains control characters. */
export function printable(path: string): string {
  return path.replace(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1));
}

/** A position in a file as messages show it: `file:line:column (byte N)`. Editors and terminals open such a place. */
export function printablePosition(path: string, { line, column, offset }: TextPosition): string {
  return `${printable(path)}:${line}:${column} (byte ${offset})`;
}

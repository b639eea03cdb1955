import { CommandError } from '../core/errors.js';
import type { TextPosition } from '../core/text-position.js';

/** Why a file can't be served: one line that names the file, the position of the trouble, and what was expected. */
export class DatasetError extends CommandError {
  override readonly name = 'DatasetError';

  /** True if the file could not be read just now; false if what it holds can never be served. */
  readonly isTransient: boolean;

  /** @param position where the trouble is, if it is in one place */
  constructor(path: string, problem: string, position?: TextPosition, isTransient = false) {
    super(`${position === undefined ? printable(path) : printablePosition(path, position)}: ${problem}`);
    this.isTransient = isTransient;
  }
}

/** The path as messages spell it: on one line, whatever characters it has. */
export function printable(path: string): string {
  return path.replace(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1));
}

/** A position in a file as messages spell it: `file:line:column (byte N)`. Editors and terminals open such a place. */
export function printablePosition(path: string, { line, column, offset }: TextPosition): string {
  return `${printable(path)}:${line}:${column} (byte ${offset})`;
}

import { readFileSync, statSync } from 'node:fs';
import { ConfigError } from './config-error.js';

/** A secret that is given here, or in a file. */
export type SecretSource = string | { readonly file: string };

/**
 * The secret itself.
 *
 * @param variable the setting, for errors
 * @param what is expected in the file: `a password`
 * @throws ConfigError if its file can't be read
 */
export function secretIn(
  source: SecretSource | undefined,
  variable: string,
  what: string,
): string | undefined {
  return typeof source === 'object' ? read(source.file, variable, what) : source;
}

function read(file: string, variable: string, what: string): string {
  const expected = `${variable}: expected a file with ${what} at '${file}'`;
  try {
    // Reading a FIFO or a device could block forever.
    if (!statSync(file).isFile()) throw new ConfigError(`${expected}; it isn't a regular file`);
    const secret = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
    if (secret === '') throw new ConfigError(`${expected}; it is empty`);
    return secret;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`${expected}; it can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

import { readFileSync, statSync } from 'node:fs';
import type { StoreSettings } from '../core/store-settings.js';
import { ConfigError } from './config-error.js';
import { type Config, OPTIONS } from './table.js';

/**
 * How to reach the store, with its password.
 *
 * @returns undefined if there is no store
 * @throws ConfigError if the file of the password can't be read
 */
export function storeSettings({
  store,
  storePassword,
  storePrefix,
}: Pick<Config, 'store' | 'storePassword' | 'storePrefix'>): StoreSettings | undefined {
  if (store === undefined) return undefined;
  const password = typeof storePassword === 'object' ? read(storePassword.file) : storePassword;
  return { ...store, password: store.password ?? password, prefix: storePrefix };
}

function read(file: string): string {
  const expected = `${OPTIONS.storePassword.env}: expected a file with a password at '${file}'`;
  try {
    // Reading a FIFO or a device could block forever.
    if (!statSync(file).isFile()) throw new ConfigError(`${expected}; it isn't a regular file`);
    const password = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
    if (password === '') throw new ConfigError(`${expected}; it is empty`);
    return password;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`${expected}; it can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

import type { StoreSettings } from '../core/store-settings.js';
import { secretIn } from './secret-file.js';
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
  const password = secretIn(storePassword, OPTIONS.storePassword.env, 'a password');
  return { ...store, password: store.password ?? password, prefix: storePrefix };
}

/** Stores that several servers share. */

import { storeAddress } from '#dist/settings/parsers.js';
import { StoreConnection } from '#dist/store/connection.js';
import { RedisStore } from '#dist/store/redis-store.js';
import { atEndOfFile } from './end-of-file.js';

/** A store at this address, once it can be reached. It is closed after the test file. */
export async function openStore(url: string, prefix = 'test:'): Promise<RedisStore> {
  const address = storeAddress(url);
  if (address === undefined) throw new Error(`no address: ${url}`);
  let up = () => {};
  const isUp = new Promise<void>((resolve) => {
    up = resolve;
  });
  const connection = await StoreConnection.open({ ...address, prefix }, { onUp: up, onAway: () => {} });
  atEndOfFile(async () => connection.close());
  await isUp;
  return new RedisStore(connection, prefix);
}

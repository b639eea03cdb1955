import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { STORE_ANSWER_MS } from '../core/limits.js';
import type { StoreSettings } from '../core/store-settings.js';
import type { StoreConnection } from '../store/connection.js';
import { MemoryStore } from '../store/memory-store.js';
import { Scopes, type SharedState } from '../store/scopes.js';

/** The state of a server, open. */
export interface OpenState extends SharedState {
  /** Resolves once the store can be reached, or after `STORE_ANSWER_MS`. At once without a store. */
  readonly begun: Promise<unknown>;
  /** The connection to the store; undefined for memory. */
  readonly connection: StoreConnection | undefined;
  close(): void;
}

/**
 * Opens what keeps the state: the store that servers share, or memory.
 *
 * @param settings undefined for memory
 * @param log writes a line to the log, once there is one
 */
export async function openState(
  settings: StoreSettings | undefined,
  log: (line: (logger: Logger) => void) => void,
): Promise<OpenState> {
  if (settings === undefined) {
    const store = new MemoryStore();
    return {
      store,
      scopes: new Scopes(store),
      begun: Promise.resolve(),
      connection: undefined,
      close: () => {},
    };
  }
  const [{ StoreConnection: Connection }, { RedisStore }] = await Promise.all([
    import('../store/connection.js'),
    import('../store/redis-store.js'),
  ]);
  let up = () => {};
  const isUp = new Promise<void>((resolve) => {
    up = resolve;
  });
  const connection = await Connection.open(settings, {
    onUp: () => {
      up();
      log((logger) => logger.info('store connected'));
    },
    onAway: (reason) => log((logger) => logger.warn({ reason }, 'store away')),
  });
  const store = new RedisStore(connection, settings.prefix);
  const scopes = new Scopes(store);
  const given = new AbortController();
  const late = delay(STORE_ANSWER_MS, undefined, { signal: given.signal }).catch(() => undefined);
  const begun = Promise.race([isUp, late]).then(() => {
    given.abort();
    scopes.start();
  });
  return {
    store,
    scopes,
    begun,
    connection,
    close: () => {
      given.abort();
      scopes.stop();
      connection.close();
    },
  };
}

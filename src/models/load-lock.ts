import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { CommandError } from '../core/errors.js';
import { STORE_LOAD_WAIT_MS, STORE_LOCK_MS } from '../core/limits.js';
import type { StoreCommand, StoreConnection } from '../store/connection.js';
import { whileAway } from '../store/patience.js';
import { writeWhole } from './store-writer.js';

/** What a lock needs. */
interface LockOptions {
  readonly connection: StoreConnection;
  /** The name of the dataset. */
  readonly name: string;
  /** Receives what a person may want to know, as one line. */
  readonly note: (line: string) => void;
  /** Gives up. */
  readonly signal: AbortSignal;
}

/**
 * The lock of the one process that loads a dataset, and the keys that only it may write. The lock ends while its process is stopped or its
 * master is away: so before each write, it is compared with what this process knows.
 */
export class LoadLock {
  private readonly options: LockOptions;
  private readonly key: string;
  private readonly id = randomBytes(8).toString('hex');
  /** What this process has read from keys, or written to them, last. */
  private readonly texts = new Map<string, string | undefined>();

  /** @param key the key of the lock */
  constructor(options: LockOptions, key: string) {
    this.options = options;
    this.key = key;
  }

  /** Waits until no other process loads the dataset. Returns what ends this one's turn. */
  async take(): Promise<() => Promise<void>> {
    const { connection, note, signal } = this.options;
    const { key } = this;
    const take = () => this.tryTake();
    let isNoted = false;
    while (!(await whileAway(take, Number.POSITIVE_INFINITY, signal))) {
      if (!isNoted) note('waiting for another process that loads the dataset');
      isNoted = true;
      await delay(STORE_LOCK_MS / 10, undefined, { signal });
    }
    const change = async (command: StoreCommand) => {
      if (await this.isHeld()) await connection.call(key, command);
    };
    const keep = () => void change(['PEXPIRE', key, String(STORE_LOCK_MS)]).catch(() => undefined);
    const timer = setInterval(keep, STORE_LOCK_MS / 5);
    return async () => {
      clearInterval(timer);
      await change(['UNLINK', key]).catch(() => undefined);
    };
  }

  /** @returns false if another process has it */
  private async tryTake(): Promise<boolean> {
    const { key } = this;
    const { connection } = this.options;
    const reply = await connection.call(key, ['SET', key, this.id, 'NX', 'PX', String(STORE_LOCK_MS)]);
    // The reply to an earlier attempt may have been lost.
    return reply !== null || this.isHeld();
  }

  private async isHeld(): Promise<boolean> {
    const { key } = this;
    return String(await this.options.connection.call(key, ['GET', key])) === this.id;
  }

  /**
   * What a key has; undefined without such a key.
   *
   * @throws CommandError if it isn't JSON, the signal's reason
   */
  async readJson<T>(key: string): Promise<T | undefined> {
    const text = await this.read(key, Number.POSITIVE_INFINITY);
    this.texts.set(key, text);
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text) as T;
    } catch {
      throw unreadable(key);
    }
  }

  /**
   * Writes a key, and waits until all replicas have it.
   *
   * @throws CommandError if another process has changed it since this one has read or written it
   */
  async writeJson(key: string, value: object): Promise<void> {
    await this.assertUnchanged(key);
    const text = JSON.stringify(value);
    await writeWhole(this.options.connection, [{ key, command: ['SET', key, text] }], this.options.signal);
    this.texts.set(key, text);
  }

  private async read(key: string, waitMs: number): Promise<string | undefined> {
    const { connection, signal } = this.options;
    const reply = await whileAway(() => connection.call(key, ['GET', key]), waitMs, signal);
    return reply === null ? undefined : String(reply);
  }

  /**
   * Asserts that no other process has loaded meanwhile. The lock ends while this one is stopped, or its master is away.
   *
   * @throws CommandError if another one has, or the store has lost what was written
   */
  private async assertUnchanged(key: string): Promise<void> {
    const { name, signal } = this.options;
    const hasLock = await whileAway(() => this.tryTake(), STORE_LOAD_WAIT_MS, signal);
    if (!hasLock || (await this.read(key, STORE_LOAD_WAIT_MS)) !== this.texts.get(key))
      throw new CommandError(`'${name}' was changed in the store meanwhile: load it again`);
  }

  /** Removes a key. */
  async delete(key: string): Promise<void> {
    await writeWhole(this.options.connection, [{ key, command: ['UNLINK', key] }], this.options.signal);
  }
}

/** The error for what another release or another program has written. Which other keys belong to it isn't known. */
export function unreadable(key: string): CommandError {
  return new CommandError(
    `the store has something under '${key}' that this release can't read; expected another name with --model, or a store without that key`,
  );
}

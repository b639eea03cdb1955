/**
 * Keeps state in Redis or Valkey, for all servers that have the same prefix. Each command is about one key, so a cluster may have them
 * anywhere, and each key has a life. What must not be interrupted by other servers is a script.
 */

import { createHash } from 'node:crypto';
import { type ByteCount, byteCount } from '../core/bytes.js';
import { AppError } from '../core/errors.js';
import type { CallStore } from './call-store.js';
import type { StoreConnection } from './connection.js';
import { RedisLists } from './redis-lists.js';
import type { Count, CountKind, Counts, ListKind, ObjectKind, Objects, Store } from './store.js';

/** Keeps the state that servers share. */
export class RedisStore implements Store {
  readonly isShared = true;
  private readonly connection: Pick<StoreConnection, 'call' | 'isUp'>;
  private readonly call: CallStore;

  /** @param prefix the beginning of all keys */
  constructor(connection: Pick<StoreConnection, 'call' | 'isUp'>, prefix: string) {
    this.connection = connection;
    this.call = async (key, makeCommand) => {
      const whole = prefix + key;
      try {
        return await connection.call(whole, makeCommand(whole));
      } catch (cause) {
        // Even a refusal isn't a defect of the server: the store may be full, or this user may not write to it.
        throw new AppError('store_unavailable', { cause });
      }
    };
  }

  get isUp(): boolean {
    return this.connection.isUp;
  }

  objects<T extends Listed & object, Listed = T>(kind: ObjectKind<T, Listed>): Objects<T, Listed> {
    return new RedisObjects(this.call, kind);
  }

  counts(kind: CountKind): Counts {
    return new RedisCounts(this.call, kind);
  }

  lists<T>(kind: ListKind): RedisLists<T> {
    return new RedisLists(this.call, kind);
  }
}

/** What the list of a kind has of an object. */
interface ListedObject<Listed> {
  readonly listed: Listed;
  /** When the object's life ends, in ms since 1970. */
  readonly untilMs: number;
}

/** The list of all objects of a kind. */
const ALL = 'all';

/** A list that is full loses this share, its oldest objects. */
const DROPPED_SHARE = 0.1;

class RedisObjects<T extends Listed & object, Listed> implements Objects<T, Listed> {
  private readonly call: CallStore;
  private readonly kind: ObjectKind<T, Listed>;
  private readonly lists: RedisLists<ListedObject<Listed>>;
  /** The lengths of the JSON of objects that were read, in bytes. */
  private readonly lengths = new WeakMap<T, ByteCount>();

  constructor(call: CallStore, kind: ObjectKind<T, Listed>) {
    const { name, lifeMs, countMax, bytesMax } = kind;
    this.call = call;
    this.kind = kind;
    const limits = { lifeMs, itemsMax: countMax, lengthMax: bytesMax, listsMax: 1 };
    this.lists = new RedisLists(call, { name: `${name}-list`, ...limits });
  }

  async set(id: string, object: T): Promise<void> {
    const { lifeMs, bytesMax, listed } = this.kind;
    const json = JSON.stringify(object);
    if (json.length > bytesMax) return;
    const stored = this.call(this.keyOf(id), (key) => ['SET', key, json, 'PX', String(lifeMs)]);
    const added = listed && this.addToList(id, { listed: listed(object), untilMs: Date.now() + lifeMs });
    await Promise.all([stored, added]);
  }

  async get(id: string): Promise<T | undefined> {
    const { isRenewed, lifeMs } = this.kind;
    const reply = await this.call(this.keyOf(id), (key) =>
      isRenewed ? ['GETEX', key, 'PX', String(lifeMs)] : ['GET', key],
    );
    if (reply === null) return undefined;
    const object = JSON.parse(String(reply)) as T;
    this.lengths.set(object, byteCount((reply as Buffer).length));
    return object;
  }

  async delete(id: string): Promise<boolean> {
    const deleted = this.call(this.keyOf(id), (key) => ['DEL', key]);
    const removed = this.kind.listed && this.lists.remove(ALL, id);
    return (await Promise.all([deleted, removed]))[0] === 1;
  }

  async list(): Promise<readonly Listed[]> {
    const { items } = await this.lists.of(ALL);
    const now = Date.now();
    const ended = [...items].filter(([, { untilMs }]) => untilMs <= now);
    await Promise.all(ended.map(([id]) => this.lists.remove(ALL, id)));
    return [...items.values()].flatMap(({ listed, untilMs }) => (untilMs > now ? [listed] : []));
  }

  jsonBytesOf(_: string, object: T): ByteCount {
    return this.lengths.get(object) ?? byteCount(0);
  }

  private async addToList(id: string, item: ListedObject<Listed>): Promise<void> {
    if (await this.lists.add(ALL, id, item)) return;
    const { items } = await this.lists.of(ALL);
    const oldest = [...items.keys()].slice(0, Math.ceil(items.size * DROPPED_SHARE));
    await Promise.all(oldest.map((id) => this.delete(id)));
    await this.lists.add(ALL, id, item);
  }

  private keyOf(id: string): string {
    return `${this.kind.name}:${keyPart(id)}`;
  }
}

/** Increments a count. Its life begins with the first, or with each that is counted. */
const COUNT = `
local count = redis.call('INCR', KEYS[1])
if count == 1 or ARGV[2] == '1' then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {count, redis.call('PTTL', KEYS[1])}`;

class RedisCounts implements Counts {
  private readonly call: CallStore;
  private readonly kind: CountKind;

  constructor(call: CallStore, kind: CountKind) {
    this.call = call;
    this.kind = kind;
  }

  async count(id: string): Promise<Count> {
    const { name, lifeMs, isRenewed, isSecret } = this.kind;
    const reply = await this.call(`${name}:${isSecret ? digestOf(id) : keyPart(id)}`, (key) => [
      'EVAL',
      COUNT,
      '1',
      key,
      String(lifeMs),
      isRenewed ? '1' : '0',
    ]);
    const [count, endsInMs] = reply as readonly [number, number];
    return { count, endsInMs };
  }
}

/** The part of a key that an id makes. Clients choose ids: anything but a short name is a digest, so keys are short, and ASCII. */
function keyPart(id: string): string {
  return /^[\w.:-]{1,200}$/.test(id) ? id : digestOf(id);
}

/** Begins with a character that no other part has. */
function digestOf(id: string): string {
  return `#${createHash('sha256').update(id).digest('base64url')}`;
}

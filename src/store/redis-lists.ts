/**
 * Lists in Redis or Valkey. A list is a hash:
 *
 *     v       the version: a random one for each change, since a list that was deleted may come again
 *     n       how many items were ever added: numbers them
 *     c       how many items it has
 *     l       the length of all items
 *     i ID    an item: its number, NUMBER_DIGITS long, and its JSON
 *     u ID    how often the item was used
 */

import { randomUUID } from 'node:crypto';
import type { CallStore } from './call-store.js';
import type { StoreReply } from './connection.js';
import type { Listing, ListKind, Lists } from './store.js';

const NUMBER_DIGITS = 12;

/** ARGV: id, JSON, version, most items, greatest length, life. Returns 0 if the list is full. */
const ADD = `
local field = 'i' .. ARGV[1]
local old = redis.call('HGET', KEYS[1], field)
if old and string.sub(old, ${NUMBER_DIGITS + 1}) == ARGV[2] then
  redis.call('PEXPIRE', KEYS[1], ARGV[6])
  return 1
end
local length = redis.call('HINCRBY', KEYS[1], 'l', #ARGV[2] - (old and #old - ${NUMBER_DIGITS} or 0))
local count = tonumber(redis.call('HGET', KEYS[1], 'c') or 0)
if length > tonumber(ARGV[5]) or (not old and count >= tonumber(ARGV[4])) then
  redis.call('HINCRBY', KEYS[1], 'l', (old and #old - ${NUMBER_DIGITS} or 0) - #ARGV[2])
  if count == 0 then redis.call('DEL', KEYS[1]) end
  return 0
end
local number = old and string.sub(old, 1, ${NUMBER_DIGITS})
if not old then
  number = string.format('%0${NUMBER_DIGITS}d', redis.call('HINCRBY', KEYS[1], 'n', 1))
  redis.call('HINCRBY', KEYS[1], 'c', 1)
end
redis.call('HSET', KEYS[1], field, number .. ARGV[2], 'v', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[6])
return 1`;

/** A function that removes an item. Returns 0 if it is missing. */
const REMOVE_FUNCTION = `
local function remove(id, version)
  local old = redis.call('HGET', KEYS[1], 'i' .. id)
  if not old then return 0 end
  redis.call('HDEL', KEYS[1], 'i' .. id, 'u' .. id)
  redis.call('HINCRBY', KEYS[1], 'l', ${NUMBER_DIGITS} - #old)
  redis.call('HSET', KEYS[1], 'v', version)
  if redis.call('HINCRBY', KEYS[1], 'c', -1) == 0 then redis.call('DEL', KEYS[1]) end
  return 1
end`;

/** ARGV: id, version. */
const REMOVE = `${REMOVE_FUNCTION}
return remove(ARGV[1], ARGV[2])`;

/** ARGV: id, version, how often the item may be used. Returns how often it was used before; -1 if there is no such item. */
const USE = `${REMOVE_FUNCTION}
if redis.call('HEXISTS', KEYS[1], 'i' .. ARGV[1]) == 0 then return -1 end
local used = redis.call('HINCRBY', KEYS[1], 'u' .. ARGV[1], 1)
if used >= tonumber(ARGV[3]) then remove(ARGV[1], ARGV[2]) end
return used - 1`;

/** ARGV: the version that is known, life. Returns nothing if there is no list, only the version if it is known, else the hash. */
const READ = `
local version = redis.call('HGET', KEYS[1], 'v')
if not version then return {} end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) / 2 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if version == ARGV[1] then return {version} end
return redis.call('HGETALL', KEYS[1])`;

/** Stores lists that servers share. */
export class RedisLists<T> implements Lists<T> {
  private readonly call: CallStore;
  private readonly kind: ListKind;

  constructor(call: CallStore, kind: ListKind) {
    this.call = call;
    this.kind = kind;
  }

  async add(list: string, id: string, item: T): Promise<boolean> {
    const { itemsMax, lengthMax, lifeMs } = this.kind;
    const limits = [String(itemsMax), String(lengthMax), String(lifeMs)];
    return (await this.run(ADD, list, [id, JSON.stringify(item), randomUUID(), ...limits])) === 1;
  }

  async remove(list: string, id: string): Promise<boolean> {
    return (await this.run(REMOVE, list, [id, randomUUID()])) === 1;
  }

  async use(list: string, id: string, times: number): Promise<number | undefined> {
    const most = String(Math.min(times, Number.MAX_SAFE_INTEGER));
    const used = (await this.run(USE, list, [id, randomUUID(), most])) as number;
    return used < 0 ? undefined : used;
  }

  async of(list: string, known?: Listing<T>): Promise<Listing<T>> {
    const reply = await this.run(READ, list, [known?.version ?? '', String(this.kind.lifeMs)]);
    const fields = (reply as readonly Buffer[]).map(String);
    if (known !== undefined && (fields.length === 1 || (fields.length === 0 && known.version === '')))
      return known;
    return listingOf<T>(fields);
  }

  private run(script: string, list: string, args: readonly string[]): Promise<StoreReply> {
    return this.call(`${this.kind.name}:${list}`, (key) => ['EVAL', script, '1', key, ...args]);
  }
}

/** @param fields the fields of a hash and their values, in turn */
function listingOf<T>(fields: readonly string[]): Listing<T> {
  let version = '';
  let length = 0;
  const items: [number: string, id: string, item: T][] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const [name = '', value = ''] = fields.slice(i, i + 2);
    if (name === 'v') version = value;
    else if (name === 'l') length = Number(value);
    else if (name.startsWith('i'))
      items.push([value.slice(0, NUMBER_DIGITS), name.slice(1), JSON.parse(value.slice(NUMBER_DIGITS)) as T]);
  }
  items.sort(([one], [other]) => (one < other ? -1 : 1));
  return { version, length, items: new Map(items.map(([, id, item]) => [id, item])) };
}

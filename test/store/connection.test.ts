import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { readCommandLine } from '#dist/cli/command-line.js';
import { keyPrefix, secret, storeAddress } from '#dist/settings/parsers.js';
import { storeSettings } from '#dist/settings/store-settings.js';
import { StoreConnection } from '#dist/store/connection.js';
import { keySlot } from '#dist/store/key-slot.js';
import { RedisCluster, RedisServer } from '../support/redis.js';
import { temporaryFolder } from '../support/temporary.js';

/** A connection, and its events. It is closed after the test. */
async function connect(url: string, password?: string) {
  const waiting = { up: [] as (() => void)[], away: [] as ((reason: string) => void)[] };
  const next = {
    up: () => new Promise<void>((resolve) => waiting.up.push(resolve)),
    away: () => new Promise<string>((resolve) => waiting.away.push(resolve)),
  };
  const isUp = next.up();
  const isAway = next.away();
  const address = storeAddress(url);
  if (address === undefined) throw new Error('no address');
  const settings = { ...address, password: address.password ?? password, prefix: 'test:' };
  const connection = await StoreConnection.open(settings, {
    onUp: () => {
      for (const resolve of waiting.up.splice(0)) resolve();
    },
    onAway: (reason) => {
      for (const resolve of waiting.away.splice(0)) resolve(reason);
    },
  });
  onTestFinished(() => connection.close());
  return { connection, next, isUp, isAway };
}

const text = (reply: unknown) => (reply as Buffer).toString();

describe('a key', () => {
  it('has the slot that the cluster gives it', () => {
    // From the specification of the cluster.
    expect(keySlot('123456789')).toBe(0x31c3);
    expect(keySlot('{user1000}.following')).toBe(keySlot('user1000'));
    expect(keySlot('foo{}{bar}')).not.toBe(keySlot('bar'));
    expect(keySlot('foo{{bar}}zap')).toBe(keySlot('{bar'));
  });
});

describe('the setting', () => {
  it('names servers, with the default port, and what they need', () => {
    expect(storeAddress('valkeys://me:p%40ss@a:7000/2,b:80,rediss://[::1],rediss://me:p%40ss@c/2')).toEqual({
      hosts: [
        { host: 'a', port: 7000 },
        { host: 'b', port: 80 },
        { host: '::1', port: 6379 },
        { host: 'c', port: 6379 },
      ],
      isEncrypted: true,
      user: 'me',
      password: 'p@ss',
      database: 2,
    });
  });

  it.each(['http://a', 'redis://', 'a:6379', 'redis://a/x', 'redis://a,', 'redis://a:99999'])(
    'rejects %s',
    (url) => {
      expect(() => storeAddress(url)).toThrow('redis://HOST:PORT');
    },
  );

  it.each(['redis://a,rediss://b', 'redis://a,redis://me@b', 'redis://:x@a,redis://:y@b', 'redis://a,b:1/2'])(
    'rejects servers that differ: %s',
    (url) => {
      expect(() => storeAddress(url)).toThrow('the same encryption');
    },
  );

  it('rejects a password that is not encoded', () => {
    expect(() => storeAddress('redis://:50%off@a')).toThrow('as %25');
  });

  it('takes the password from a file, unless the URL has one', () => {
    const file = join(temporaryFolder(), 'password');
    writeFileSync(file, 'from the file\n');
    const passwordOf = (url: string, source: string) => {
      const config = { store: storeAddress(url), storePassword: secret(source), storePrefix: 'p:' };
      return storeSettings(config)?.password;
    };
    expect(passwordOf('redis://a', `@${file}`)).toBe('from the file');
    expect(passwordOf('redis://:mine@a', `@${file}`)).toBe('mine');
    expect(passwordOf('redis://a', 'given')).toBe('given');
    expect(() => passwordOf('redis://a', `@${file}s`)).toThrow(/STORE_PASSWORD.*ENOENT/);
    expect(storeSettings({ store: undefined, storePassword: 'x', storePrefix: 'p:' })).toBeUndefined();
  });

  it('is not quoted in errors, since it may have a password', () => {
    const args = ['--store', 'http://:hidden@a'];
    expect(() => readCommandLine(args, {})).toThrow(/^--store: expected redis:\/\/HOST:PORT(?!.*hidden)/);
  });

  it('rejects braces in the prefix', () => {
    expect(keyPrefix('verbatim:')).toBe('verbatim:');
    expect(() => keyPrefix('{v}')).toThrow('without spaces and braces');
  });
});

describe('a connection to one server', () => {
  it('sends commands in their order, and returns replies as bytes', async () => {
    const server = await RedisServer.start();
    const { connection, isUp } = await connect(server.url);
    await isUp;
    const value = Buffer.from([0, 255, 13, 10]);
    const replies = await Promise.all([
      connection.call('a', ['SET', 'a', value]),
      connection.call('a', ['GET', 'a']),
      connection.call('b', ['GET', 'b']),
      connection.call('a', ['STRLEN', 'a']),
    ]);
    expect(replies).toEqual(['OK', value, null, 4]);
    await expect(connection.call('a', ['LPUSH', 'a', 'x'])).rejects.toMatchObject({
      name: 'StoreRefusalError',
    });
  });

  it('reports a server that is away, rejects commands meanwhile, and connects again', async () => {
    const server = await RedisServer.start();
    const { connection, isUp, isAway } = await connect(server.url);
    await isUp;
    await server.kill();
    expect(await isAway).toContain(`127.0.0.1:${server.port}`);
    expect(connection.isUp).toBe(false);
    await expect(connection.call('a', ['GET', 'a'])).rejects.toMatchObject({ name: 'StoreAwayError' });
    await server.start();
    await expect.poll(() => connection.isUp, { timeout: 30_000 }).toBe(true);
    expect(await connection.call('a', ['GET', 'a'])).toBe(null);
  });

  it('gives up on a server that is stopped, and uses it again once it continues', async () => {
    const server = await RedisServer.start();
    const { connection, isUp } = await connect(server.url);
    await isUp;
    server.signal('SIGSTOP');
    await expect(connection.call('a', ['GET', 'a'])).rejects.toMatchObject({ name: 'StoreAwayError' });
    server.signal('SIGCONT');
    await expect.poll(() => connection.isUp, { timeout: 30_000 }).toBe(true);
    expect(await connection.call('a', ['GET', 'a'])).toBe(null);
  });

  it('says why it is refused, without the password', async () => {
    const server = await RedisServer.start(['--requirepass', 'right']);
    const { isAway } = await connect(server.url.replace('redis://', 'redis://:wrong-one@'));
    const reason = await isAway;
    expect(reason).toContain('WRONGPASS');
    expect(reason).not.toContain('wrong-one');
    const { isUp } = await connect(server.url, 'right');
    await isUp;
  });

  it('gives up on an address that accepts connections and says nothing', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    onTestFinished(() => void silent.close());
    await once(silent, 'listening');
    const { port } = silent.address() as { readonly port: number };
    const { isAway } = await connect(`redis://127.0.0.1:${port}`);
    expect(await isAway).toContain('did not answer in time');
  });
});

describe('a connection to a cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await RedisCluster.start();
  });

  it('finds the master of each key, follows a slot that moves, and the replica of a master that is killed', async () => {
    const { connection, isUp, next } = await connect(cluster.url);
    await isUp;
    expect(connection.masters).toHaveLength(3);
    const keys = Array.from({ length: 100 }, (_, i) => `key-${i}`);
    await Promise.all(keys.map((key) => connection.call(key, ['SET', key, key])));
    expect(
      await Promise.all(keys.map(async (key) => text(await connection.call(key, ['GET', key])))),
    ).toEqual(keys);

    await moveSlot(cluster, keySlot('moving'));
    expect(await connection.call('moving', ['SET', 'moving', 'x'])).toBe('OK');

    await Promise.all(connection.masters.map((master) => master.send(['WAIT', '1', '5000'])));
    const [isAway, isUpAgain] = [next.away(), next.up()];
    await (cluster.servers[2] as RedisServer).kill();
    await isAway;
    await isUpAgain;
    expect(
      await Promise.all(keys.map(async (key) => text(await connection.call(key, ['GET', key])))),
    ).toEqual(keys);
  });
});

/** Moves a slot without keys from its master to another one. */
async function moveSlot({ servers }: RedisCluster, slot: number): Promise<void> {
  const masters = servers.slice(0, 3);
  const sourceAt = Math.floor(slot / 5462);
  const source = masters[sourceAt] as RedisServer;
  const target = masters[(sourceAt + 1) % 3] as RedisServer;
  const [sourceId, targetId] = [await source.call('CLUSTER', 'MYID'), await target.call('CLUSTER', 'MYID')];
  const set = (server: RedisServer, ...args: string[]) =>
    server.call('CLUSTER', 'SETSLOT', String(slot), ...args);
  await set(target, 'IMPORTING', String(sourceId));
  await set(source, 'MIGRATING', String(targetId));
  for (const master of [target, ...masters]) await set(master, 'NODE', String(targetId));
}

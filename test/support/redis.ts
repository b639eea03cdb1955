/** Real servers of the store: one, or a cluster of three masters and three replicas. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, RESP_TYPES } from '@redis/client';
import { afterEndOfFile } from './end-of-file.js';
import { temporaryFolder } from './temporary.js';

/** A `redis-server`, which is killed after the test file. */
export class RedisServer {
  readonly port: number;
  private readonly args: readonly string[];
  private readonly folder: string;
  private child: ChildProcess | undefined;

  private constructor(port: number, folder: string, args: readonly string[]) {
    this.port = port;
    this.folder = folder;
    this.args = args;
  }

  /** Starts a server on a free port, and waits until it listens. */
  static async start(args: readonly string[] = []): Promise<RedisServer> {
    const port = await freePort();
    const folder = join(temporaryFolder(), String(port));
    mkdirSync(folder);
    const server = new RedisServer(port, folder, args);
    afterEndOfFile(() => server.kill());
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it again, with the same port and folder. */
  async start(): Promise<void> {
    const options = ['--port', String(this.port), '--dir', this.folder, '--save', '', '--appendonly', 'no'];
    const child = spawn('redis-server', [...options, '--bind', '127.0.0.1', ...this.args]);
    this.child = child;
    let output = '';
    await new Promise<void>((resolve, reject) => {
      child.on('error', () => reject(new Error('redis-server is missing: apt-get install redis-server')));
      child.on('exit', () => reject(new Error(`redis-server ended:\n${output}`)));
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (/Ready to accept connections/.test(output)) resolve();
      });
    });
  }

  /** Ends it at once, as a crash does. Its data is lost. */
  async kill(): Promise<void> {
    const child = this.child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** Stops it without closing its connections, or lets it continue. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.child?.kill(signal);
  }

  /** The reply to a command. */
  async call(...command: string[]): Promise<unknown> {
    const client = createClient({ RESP: 2, url: this.url, socket: { reconnectStrategy: false } });
    client.on('error', () => {});
    await client.connect();
    try {
      return await client.sendCommand(command, { typeMapping: { [RESP_TYPES.BLOB_STRING]: String } });
    } finally {
      client.destroy();
    }
  }
}

/** A cluster of three masters, and of replicas of them. */
export class RedisCluster {
  /** The servers that began as masters, then their replicas, in the same order. */
  readonly servers: readonly RedisServer[];

  private constructor(servers: readonly RedisServer[]) {
    this.servers = servers;
  }

  /**
   * Starts a cluster, and waits until all of its servers know that it is complete.
   *
   * @param replicas the number of replicas of each master
   * @param timeoutMs after which a server that doesn't answer counts as failed
   */
  static async start(replicas = 1, timeoutMs = 1000): Promise<RedisCluster> {
    const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(timeoutMs)];
    const fast = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1'];
    const servers = await Promise.all(
      Array.from({ length: MASTERS * (1 + replicas) }, () => RedisServer.start([...args, ...fast])),
    );
    const [first] = servers as [RedisServer];
    const share = Math.ceil(16_384 / MASTERS);
    for (const [i, server] of servers.entries()) {
      if (i < MASTERS) {
        const last = Math.min((i + 1) * share, 16_384) - 1;
        await server.call('CLUSTER', 'ADDSLOTSRANGE', String(i * share), String(last));
        await server.call('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1));
      }
      await server.call('CLUSTER', 'MEET', '127.0.0.1', String(first.port));
    }
    const cluster = new RedisCluster(servers);
    await cluster.whenAll('CLUSTER INFO', (text) => text.includes(`cluster_known_nodes:${servers.length}`));
    const ids = await Promise.all(servers.slice(0, MASTERS).map((master) => master.call('CLUSTER', 'MYID')));
    for (const [i, replica] of servers.slice(MASTERS).entries()) {
      await replica.call('CLUSTER', 'REPLICATE', String(ids[i % MASTERS]));
    }
    await cluster.whenAll('CLUSTER INFO', (text) => text.includes('cluster_state:ok'));
    await cluster.whenReplicated();
    return cluster;
  }

  /** The setting for it: two of its servers. */
  get url(): string {
    return this.servers
      .slice(0, 2)
      .map(({ url }) => url)
      .join(',');
  }

  /** Waits until each replica has the data of its master. */
  async whenReplicated(): Promise<void> {
    const isReady = (text: string) => !text.includes('role:slave') || text.includes('master_link_status:up');
    await this.whenAll('INFO replication', isReady);
  }

  private async whenAll(command: string, isReady: (text: string) => boolean): Promise<void> {
    for (const server of this.servers) {
      while (!isReady(String(await server.call(...command.split(' '))))) await sleep(AGAIN_MS);
    }
  }
}

const MASTERS = 3;
/** How often a server is asked whether it is ready. */
const AGAIN_MS = 50;

/** A port that is free now, and whose port for the cluster's own connections is valid. */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { readonly port: number };
    server.close();
    await once(server, 'close');
    if (port < 55_000) return port;
  }
}

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { atExit, temporaryFolder } from '../cleanup.js';

const MASTERS = 3;
const TRY_AGAIN_MS = 50;
/** After this time without an answer, a server counts as failed. */
const NODE_TIMEOUT_MS = 2000;

/** A cluster of three masters and three replicas on this machine, in processes of their own. */
export class Cluster {
  /** The setting for it. */
  readonly url: string;
  private readonly ports: readonly number[];
  private readonly servers: readonly ChildProcess[];

  private constructor(ports: readonly number[], servers: readonly ChildProcess[]) {
    this.ports = ports;
    this.servers = servers;
    this.url = ports.map((port) => `redis://127.0.0.1:${port}`).join();
  }

  /** Starts a cluster, and waits until it is complete. */
  static async start(): Promise<Cluster> {
    const folder = temporaryFolder();
    const ports: number[] = [];
    while (ports.length < 2 * MASTERS) ports.push(await freePort());
    const cluster = new Cluster(
      ports,
      ports.map((port) => startServer(port, join(folder, String(port)))),
    );
    for (const port of ports) await untilTrue(() => redis(port, 'PING').includes('PONG'));
    const addresses = ports.map((port) => `127.0.0.1:${port}`);
    execFileSync('redis-cli', [
      '--cluster',
      'create',
      ...addresses,
      '--cluster-replicas',
      '1',
      '--cluster-yes',
    ]);
    for (const port of ports)
      await untilTrue(() => redis(port, 'CLUSTER', 'INFO').includes('cluster_state:ok'));
    const isReplicated = (info: string) =>
      info.includes('role:master') || info.includes('master_link_status:up');
    for (const port of ports) await untilTrue(() => isReplicated(redis(port, 'INFO', 'replication')));
    return cluster;
  }

  /** Removes all keys. */
  clear(): void {
    for (const port of this.ports) if (redis(port, 'ROLE').startsWith('master')) redis(port, 'FLUSHALL');
  }

  /** Ends a master as a crash does. */
  killMaster(): void {
    const at = this.ports.findIndex((port) => redis(port, 'ROLE').startsWith('master'));
    this.servers[at]?.kill('SIGKILL');
  }

  stop(): void {
    for (const server of this.servers) server.kill('SIGKILL');
  }
}

function startServer(port: number, folder: string): ChildProcess {
  mkdirSync(folder);
  const cluster = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(NODE_TIMEOUT_MS)];
  const none = ['--save', '', '--appendonly', 'no', '--bind', '127.0.0.1', '--repl-diskless-sync-delay', '0'];
  const server = spawn('redis-server', ['--port', String(port), '--dir', folder, ...cluster, ...none], {
    stdio: 'ignore',
  });
  atExit(() => server.kill('SIGKILL'));
  return server;
}

function redis(port: number, ...command: string[]): string {
  try {
    return execFileSync('redis-cli', ['-p', String(port), ...command], { encoding: 'utf8', stdio: 'pipe' });
  } catch {
    return '';
  }
}

async function untilTrue(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await delay(TRY_AGAIN_MS);
}

async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { readonly port: number };
    server.close();
    await once(server, 'close');
    // The cluster's own connections have a port that is 10,000 higher.
    if (port < 55_000) return port;
  }
}

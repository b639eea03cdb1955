/** What concerns all masters of a store: their memory, their replicas, and what they must not do. */

import type { StoreConnection, StoreReply } from './connection.js';
import type { StoreServer } from './server.js';
import { StoreAwayError } from './store-error.js';

/** How long one WAIT takes at most, in ms: a server that answers nothing for longer counts as away. */
const WAIT_MS = 1000;

/** The memory that all masters use, in bytes. */
export async function usedBytes({ masters }: StoreConnection): Promise<number> {
  const infos = await Promise.all(masters.map((master) => infoOf(master, 'memory')));
  return infos.reduce((sum, info) => sum + Number(info.get('used_memory') ?? 0), 0);
}

/** The policies of masters that remove keys without a life when their memory is full. */
export async function evictionPolicies({ masters }: StoreConnection): Promise<readonly string[]> {
  const infos = await Promise.all(masters.map((master) => infoOf(master, 'memory')));
  const policies = infos.map((info) => info.get('maxmemory_policy') ?? '');
  return [...new Set(policies)].filter((policy) => policy.startsWith('allkeys'));
}

/**
 * Waits until all replicas have what was written.
 *
 * @throws StoreAwayError if a master is away
 */
export async function replicated({ masters }: StoreConnection): Promise<void> {
  await Promise.all(masters.map(waitForReplicas));
}

async function waitForReplicas(master: StoreServer): Promise<void> {
  for (;;) {
    const replicas = Number((await infoOf(master, 'replication')).get('connected_slaves') ?? 0);
    if (replicas === 0) return;
    const reached = Number(await master.send(['WAIT', String(replicas), String(WAIT_MS)]));
    if (reached >= replicas) return;
  }
}

/** What a server says of itself. */
async function infoOf(server: StoreServer, section: string): Promise<ReadonlyMap<string, string>> {
  const reply: StoreReply = await server.send(['INFO', section]);
  if (!Buffer.isBuffer(reply)) throw new StoreAwayError('no answer to INFO');
  const lines = reply.toString().split('\r\n');
  return new Map(lines.map((line) => line.split(':', 2) as [string, string]));
}

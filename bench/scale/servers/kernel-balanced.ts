/** A server whose processes accept connections by themselves: the kernel decides which one gets each. */

import cluster from 'node:cluster';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const PROCESSES = 2;

cluster.schedulingPolicy = cluster.SCHED_NONE;
if (cluster.isPrimary) {
  let listening = 0;
  cluster.on('listening', (_worker, { port }) => {
    if (++listening === PROCESSES) process.stdout.write(`listening on http://127.0.0.1:${port}\n`);
  });
  for (let i = 0; i < PROCESSES; i++) cluster.fork();
} else {
  const server = createServer((_request, response) => response.end('{}'));
  server.listen(0, '127.0.0.1', () => (server.address() as AddressInfo).port);
}

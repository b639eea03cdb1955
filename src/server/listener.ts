import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Express } from 'express';
import { DRAIN_MS, KEEP_ALIVE_MS, STOP_GRACE_MS } from '../core/limits.js';

/** Why the server can't listen, in one line. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

const LISTEN_PROBLEMS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use; choose another with --port, or 0 for a free one',
  EACCES: 'no permission to use the port; choose one above 1023 with --port',
  EADDRNOTAVAIL: 'this machine has no such address; choose another with --host',
  ENOTFOUND: 'there is no such address; choose another with --host',
};

/** An HTTP server that can be stopped without cutting anyone short. */
export class Listener {
  private readonly server: Server;
  private readonly inFlight = new Set<ServerResponse>();
  private stopping = false;

  constructor(app: Express) {
    this.server = createServer({ noDelay: true }, app);
    this.server.keepAliveTimeout = KEEP_ALIVE_MS;
    this.server.headersTimeout = KEEP_ALIVE_MS + 1000;
    this.server.prependListener('request', (_request, response: ServerResponse) => {
      this.inFlight.add(response);
      if (this.stopping) endConnectionAfter(response);
      response.on('close', () => {
        this.inFlight.delete(response);
        if (this.stopping) this.server.closeIdleConnections();
      });
    });
  }

  /**
   * Starts to listen.
   *
   * @returns the address, whose port is a free one if 0 was asked for
   * @throws ListenError if the address can't be had
   */
  async listen(host: string, port: number): Promise<AddressInfo> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', (error: NodeJS.ErrnoException) => {
        const problem = LISTEN_PROBLEMS[error.code ?? ''] ?? error.message;
        reject(new ListenError(`cannot listen on ${host}:${port}: ${problem}`));
      });
      this.server.listen(port, host, resolve);
    });
    return this.server.address() as AddressInfo;
  }

  /**
   * Answers what has come and takes no more; what is not through after `DRAIN_MS` is cut. For `STOP_GRACE_MS` requests
   * are still taken, each as the last of its connection: one may be on its way on a connection that looks idle.
   */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const response of this.inFlight) endConnectionAfter(response);
    await delay(STOP_GRACE_MS);
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    const cut = setTimeout(() => this.server.closeAllConnections(), DRAIN_MS);
    await closed;
    clearTimeout(cut);
  }
}

/** Tells the client, if the headers aren't out yet, that no further request is taken on its connection. */
function endConnectionAfter(response: ServerResponse): void {
  response.shouldKeepAlive = false;
}

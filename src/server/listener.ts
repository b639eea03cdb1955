import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError, CommandError } from '../core/errors.js';
import { DRAIN_MS, KEEP_ALIVE_MS, LINGER_MS, STOP_GRACE_MS } from '../core/limits.js';
import { errorBody } from '../openai/error-body.js';
import type { MessageClasses } from './message-classes.js';

/** Why the server can't listen, in one line. */
export class ListenError extends CommandError {
  override readonly name = 'ListenError';
}

const LISTEN_PROBLEMS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use; choose another with --port, or 0 for a free one',
  EACCES: 'no permission to use the port; choose one above 1023 with --port',
  EADDRNOTAVAIL: 'this machine has no such address; choose another with --host',
  ENOTFOUND: 'there is no such address; choose another with --host',
};

/** An HTTP server that knows what is in flight on each connection, so that it can be stopped without cutting it short. */
export class Listener {
  private readonly server: Server;
  private readonly connections = new Map<Socket, Set<ServerResponse>>();
  private stopping = false;

  /**
   * @param handle answers requests
   * @param classes what it wants them to be made of, if not of Node's own
   */
  constructor(handle: RequestListener, classes?: MessageClasses) {
    this.server = createServer({ noDelay: true, requireHostHeader: false, ...classes });
    this.server.keepAliveTimeout = KEEP_ALIVE_MS;
    this.server.headersTimeout = KEEP_ALIVE_MS + 1000;
    this.server.on('connection', (socket) => this.track(socket));
    this.server.on('clientError', (error, socket) => this.refuse(error, socket as Socket));
    for (const event of ['request', 'checkExpectation']) {
      this.server.on(event, (request: IncomingMessage, response: ServerResponse) => {
        this.begin(request.socket, response);
        handle(request, response);
      });
    }
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
    for (const responses of this.connections.values()) {
      // Of pipelined ones the last: those before it would take it with them.
      const last = [...responses].at(-1);
      if (last !== undefined) endConnectionAfter(last);
    }
    await delay(STOP_GRACE_MS);
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const [socket, responses] of this.connections) if (responses.size === 0) socket.destroy();
    const cut = setTimeout(() => this.server.closeAllConnections(), DRAIN_MS);
    await closed;
    clearTimeout(cut);
  }

  private track(socket: Socket): void {
    const responses = new Set<ServerResponse>();
    this.connections.set(socket, responses);
    socket.on('close', () => {
      this.connections.delete(socket);
      // A pipelined response that waits for its turn has no socket yet, and so doesn't hear that its client has left.
      for (const response of responses) {
        if (response.socket !== null) continue;
        response.destroy();
        response.emit('close');
      }
    });
  }

  private begin(socket: Socket, response: ServerResponse): void {
    const responses = this.connections.get(socket);
    responses?.add(response);
    if (this.stopping) endConnectionAfter(response);
    response.on('close', () => {
      responses?.delete(response);
      if (this.stopping && responses?.size === 0) socket.destroySoon();
    });
  }

  /** Answers what is no HTTP, as any other error; unless an answer is under way on the connection. */
  private refuse(error: NodeJS.ErrnoException, socket: Socket): void {
    const isBusy = (this.connections.get(socket)?.size ?? 0) > 0;
    if (isBusy || !socket.writable || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    const status = PROTOCOL_STATUS[error.code ?? ''] ?? '400 Bad Request';
    const message = `The request could not be understood: ${error.message}.`;
    const body = JSON.stringify(errorBody(new AppError('bad_request', { message })));
    const head = [
      `HTTP/1.1 ${status}`,
      'content-type: application/json',
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
    ];
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
    // Time to read it, for a client that is still sending; one that never closes its side is cut.
    socket.setTimeout(LINGER_MS, () => socket.destroy());
  }
}

const PROTOCOL_STATUS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** Tells the client, if the headers aren't out yet, that no further request is taken on its connection. */
function endConnectionAfter(response: ServerResponse): void {
  response.shouldKeepAlive = false;
}

import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  maxHeaderSize,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import {
  type AddressInfo,
  createServer as createNetServer,
  type Server as NetServer,
  type Socket,
} from 'node:net';
import { setTimeout as delay, setImmediate as loopTurn } from 'node:timers/promises';
import { AppError } from '../core/errors.js';
import {
  BACKLOG,
  CONNECTIONS_CHECK_MS,
  DRAIN_MS,
  HEADERS_MS,
  KEEP_ALIVE_MS,
  REQUEST_BODY_MS,
  STALLED_MS,
  STOP_GRACE_MS,
} from '../core/limits.js';
import type { SourceOf } from '../settings/read-settings.js';
import { bodyOfRefused } from './errors.js';
import { CLIENT_ENDED, closeGently } from './linger.js';
import { listen } from './listening.js';
import type { MessageClasses } from './message-classes.js';

/** Timeouts for clients, and for stopping. All in ms. */
export interface Timeouts {
  /** For sending the head of a request. */
  readonly headersMs: number;
  /** For sending the whole request. */
  readonly requestMs: number;
  /** For reading more of a response that has begun. */
  readonly stalledMs: number;
  /** Between requests. */
  readonly idleMs: number;
  /** For the requests in flight when the server is stopped. */
  readonly drainMs: number;
}

const TIMEOUTS: Timeouts = {
  headersMs: HEADERS_MS,
  requestMs: REQUEST_BODY_MS,
  stalledMs: STALLED_MS,
  idleMs: KEEP_ALIVE_MS,
  drainMs: DRAIN_MS,
};

/** Input that was rejected before it became a request. */
export interface Refused {
  readonly status: number;
  /** Node's error code. */
  readonly reason: string | undefined;
  readonly remoteAddress: string | undefined;
}

/**
 * An HTTP server that tracks the requests in flight on each connection, so that it can stop without truncating responses. The requests of a
 * connection are handled one after the other.
 */
export class Listener {
  private readonly server: Server;
  /** Accepts the connections, if some are handed to other processes. */
  private acceptor: NetServer | undefined;
  private readonly connections = new Map<Socket, Set<ServerResponse>>();
  private readonly timeouts: Timeouts;
  private stopping = false;
  private onAllClosed = () => {};
  /** How many connections were accepted. */
  private accepted = 0;
  /** How many requests have begun. */
  private begun = 0;
  /** How many requests have responses that haven't ended. */
  inFlight = 0;
  /** Called when input is rejected before it becomes a request. */
  onRefused: (refused: Refused) => void = () => {};
  /**
   * Additional headers of the response to rejected input, names and values alternating. Called with the request's headers, as far as they
   * are known.
   */
  refusedHeaders: (headers: IncomingHttpHeaders) => readonly string[] = () => [];

  /**
   * @param handle called for each request
   * @param classes the classes of requests and responses, if not Node's own
   * @param timeouts overrides for the defaults
   */
  constructor(handle: RequestListener, classes?: MessageClasses, timeouts: Partial<Timeouts> = {}) {
    this.timeouts = { ...TIMEOUTS, ...timeouts };
    const { headersMs, requestMs, stalledMs, idleMs } = this.timeouts;
    this.server = createServer({
      noDelay: true,
      requireHostHeader: false,
      keepAliveTimeout: idleMs,
      headersTimeout: headersMs,
      requestTimeout: requestMs,
      connectionsCheckingInterval: Math.min(CONNECTIONS_CHECK_MS, headersMs),
      ...classes,
    });
    // server.close() calls this. Node considers a connection idle as soon as its response has ended, even if it hasn't flushed yet.
    this.server.closeIdleConnections = () => {};
    // A client may close its sending side after its request (`nc -N`). Node's `Server` reads this field; there is no option for it.
    Object.assign(this.server, { httpAllowHalfOpen: true });
    // By default, Node drops headers after the first thousand, and with them the length of the body. `maxHeaderSize` bounds their number,
    // too.
    this.server.maxHeadersCount = 0;
    this.server.timeout = stalledMs;
    this.server.on('timeout', (socket) => this.endStalled(socket));
    this.server.on('connection', (socket) => this.track(socket));
    this.server.on('clientError', (error, socket) => this.refuse(error, socket as Socket));
    this.server.on('connect', (_request, socket) => this.refuseConnect(socket as Socket));
    for (const event of ['request', 'checkExpectation', 'checkContinue']) {
      this.server.on(event, (request: IncomingMessage, response: ServerResponse) => {
        const { socket } = request;
        // The connection ends with an earlier response. Later input is read and dropped, so that the
        // operating system doesn't reset the connection.
        if (!socket.writable) return;
        this.begin(socket, response);
        if (request.headers.upgrade !== undefined) onRest(request, () => this.endAfterLast(socket));
        if (response.socket !== null) handle(request, response);
        else inOrder(socket, response, () => handle(request, response));
      });
    }
  }

  /**
   * Starts to listen: see `listen`.
   *
   * @param handOver called with each connection, before any of it is read: hands it to another process, or returns false
   */
  listen(
    host: string,
    port: number,
    sourceOf?: SourceOf,
    handOver?: (socket: Socket) => boolean,
  ): Promise<AddressInfo> {
    if (handOver === undefined) return listen(this.server, { host, port }, sourceOf);
    this.adoptsConnections();
    const options = { allowHalfOpen: true, noDelay: true, pauseOnConnect: true };
    this.acceptor = createNetServer(options, (socket) => {
      this.accepted++;
      if (this.stopping || !handOver(socket)) this.adopt(socket);
    });
    return listen(this.acceptor, { host, port }, sourceOf);
  }

  /** Starts to listen on a socket of this machine: a path, or the name of a pipe on Windows. */
  async listenOn(path: string): Promise<void> {
    // Headers are added to those of a request that is passed on.
    Object.assign(this.server, { maxHeaderSize: 2 * maxHeaderSize });
    // The other process may still be ending its request, which would fail if the connection were closed, before it reads its answer.
    this.server.on('connection', closeGently);
    this.server.listen({ path, backlog: BACKLOG });
    await once(this.server, 'listening');
  }

  /** Prepares a server that doesn't listen itself for `adopt`: Node starts the timer of its timeouts when it begins to listen. */
  adoptsConnections(): void {
    this.server.emit('listening');
  }

  /** Answers the requests of a connection that was accepted elsewhere, and not read from yet. */
  adopt(socket: Socket): void {
    socket.allowHalfOpen = true;
    this.server.emit('connection', socket);
    socket.resume();
  }

  /** How many connections are open. */
  get open(): number {
    return this.connections.size;
  }

  /**
   * Answers every request that has arrived, then closes the connections. For `STOP_GRACE_MS` requests are still accepted, each as the last
   * of its connection: a client may be about to send one on an idle connection. Responses that haven't ended after `drainMs` are cut off.
   */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const [socket, responses] of this.connections) {
      closeGently(socket);
      // Of pipelined responses, only the last may end the connection: an earlier one would discard those after it.
      const last = [...responses].at(-1);
      if (last !== undefined) endConnectionAfter(last);
    }
    await delay(STOP_GRACE_MS);
    // The operating system resets connections that are closed with unread bytes. An overdue timer fires before the event loop polls, so the
    // grace period alone isn't enough: these turns of the event loop accept the connections in the backlog (newer versions of Node accept
    // one in each), and the ones after them read what all clients have sent. Clients that reconnect endlessly are cut off in the end.
    for (let before = -1, turns = 0; before !== this.accepted && turns < BACKLOG; turns++) {
      before = this.accepted;
      await loopTurn();
    }
    this.acceptor?.close();
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve())).then(() =>
      this.allClosed(),
    );
    for (let before = -1; before !== this.begun; ) {
      before = this.begun;
      await loopTurn();
    }
    for (const [socket, responses] of this.connections) if (responses.size === 0) socket.destroy();
    const cut = setTimeout(() => this.server.closeAllConnections(), this.timeouts.drainMs);
    await closed;
    clearTimeout(cut);
  }

  /** Resolves when no connection is open: Node's server counts only those that it has accepted. */
  private allClosed(): Promise<void> {
    if (this.connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.onAllClosed = resolve;
    });
  }

  /** Stops without waiting for anything. */
  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private track(socket: Socket): void {
    const responses = new Set<ServerResponse>();
    this.connections.set(socket, responses);
    if (this.acceptor === undefined) this.accepted++;
    if (this.stopping) closeGently(socket);
    socket.on('end', () => {
      for (const response of responses) response.emit(CLIENT_ENDED);
      const last = [...responses].at(-1);
      if (last !== undefined) endConnectionAfter(last);
    });
    socket.on('close', () => {
      this.connections.delete(socket);
      if (this.connections.size === 0) this.onAllClosed();
      // A pipelined response that waits for those before it has no socket yet, so it isn't notified that its client has disconnected.
      for (const response of responses) {
        if (response.socket !== null) continue;
        response.destroy();
        response.emit('close');
      }
    });
  }

  private begin(socket: Socket, response: ServerResponse): void {
    const responses = this.connections.get(socket);
    if (this.stopping) {
      // Earlier requests on the connection aren't the last ones any more.
      for (const other of responses ?? []) if (!other.headersSent) other.shouldKeepAlive = true;
      endConnectionAfter(response);
    }
    responses?.add(response);
    this.begun++;
    this.inFlight++;
    response.once('close', () => {
      responses?.delete(response);
      this.inFlight--;
      if (this.stopping && responses?.size === 0) void this.endAtRest(socket, response);
    });
  }

  /**
   * Closes a connection after its last response. If that was sent as keep-alive, the client has `STOP_GRACE_MS` to send another request.
   */
  private async endAtRest(socket: Socket, last: ServerResponse): Promise<void> {
    if (last.shouldKeepAlive && !socket.destroyed) {
      await delay(STOP_GRACE_MS);
      await loopTurn();
      if (this.connections.get(socket)?.size !== 0) return;
    }
    socket.destroySoon();
  }

  /** Ends a connection that has been inactive for too long, unless its client is waiting for a response. */
  private endStalled(socket: Socket): void {
    const [current] = this.connections.get(socket) ?? [];
    // A client that has read everything is waiting for more of its response.
    const isWaiting = current !== undefined && (!current.headersSent || socket.writableLength === 0);
    if (isWaiting) socket.setTimeout(this.timeouts.stalledMs);
    else socket.destroy();
  }

  /**
   * Answers input that isn't HTTP, or that arrives too slowly, like any other error. If earlier requests are waiting for their responses,
   * these are sent instead, and the connection ends after them. The parser reports an error again with every packet that follows.
   */
  private refuse(error: NodeJS.ErrnoException, socket: Socket): void {
    if (error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    // The connection is already ending.
    if (!socket.writable) return;
    closeGently(socket);
    const responses = [...(this.connections.get(socket) ?? [])];
    const last = responses.findLast(({ req, headersSent }) => req.complete || headersSent);
    if (last === undefined) this.answerRefused(error, socket, responses[0]);
    else endSocketAfter(last, socket);
  }

  /** Ends a connection after the responses in progress. */
  private endAfterLast(socket: Socket): void {
    closeGently(socket);
    const last = [...(this.connections.get(socket) ?? [])].at(-1);
    if (last === undefined) socket.destroySoon();
    else endSocketAfter(last, socket);
  }

  /** @param response of the request whose body is invalid; undefined if the error concerns no begun request */
  private answerRefused(
    error: NodeJS.ErrnoException,
    socket: Socket,
    response: ServerResponse | undefined,
  ): void {
    const status = PROTOCOL_STATUS[error.code ?? ''] ?? '400 Bad Request';
    const statusCode = Number.parseInt(status, 10);
    // For the log: if a request has begun, this is its response.
    if (response !== undefined) response.statusCode = statusCode;
    else {
      const { code: reason } = error;
      this.onRefused({ status: statusCode, reason, remoteAddress: socket.remoteAddress });
    }
    const message = `The request could not be understood: ${error.message}.`;
    const body = JSON.stringify(bodyOfRefused(new AppError('bad_request', { message }), response));
    const head = [
      `HTTP/1.1 ${status}`,
      'content-type: application/json',
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
    ];
    const more = this.refusedHeaders(response?.req.headers ?? {});
    for (let i = 0; i < more.length; i += 2) head.push(`${more[i]}: ${more[i + 1]}`);
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
    socket.destroySoon();
  }

  /**
   * Rejects CONNECT. Node's parser has detached from the connection, so the input is read without it: only responses in progress still need
   * the connection.
   */
  private refuseConnect(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    socket.on('drain', () => this.connections.get(socket)?.values().next().value?.emit('drain'));
    socket.resume();
    this.refuse(new Error('CONNECT is not supported'), socket);
  }
}

const TOO_SLOW = 'ERR_HTTP_REQUEST_TIMEOUT';

const PROTOCOL_STATUS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  [TOO_SLOW]: '408 Request Timeout',
};

/**
 * Handles a pipelined request after the responses before it on its connection are out, as Go's `net/http` and nginx do: if a client doesn't
 * read, only one response is held for it, however many it has requested. Meanwhile Node finishes only the packet that it is parsing. It
 * pauses reading if the bytes pending for a connection exceed its buffer, so that number of bytes is reported as pending.
 */
function inOrder(socket: Socket, response: ServerResponse, handle: () => void): void {
  const { _onPendingData: addPending } = response as unknown as Internals;
  const pending = socket.writableHighWaterMark + 1;
  addPending(pending);
  response.once('socket', () => {
    addPending(-pending);
    process.nextTick(() => {
      if (!response.destroyed) handle();
    });
  });
}

/**
 * For a request with `Upgrade`: calls `act` if more bytes follow it in the same packet. The request is answered as HTTP 1.1, but Node's
 * parser stops after it, for a handler that might take over the connection, and drops the rest of the packet. Most clients that send
 * `Upgrade` (`curl --http2`, Java's `HttpClient`) send nothing more before they get a response: their connections are kept.
 */
function onRest(request: IncomingMessage, act: () => void): void {
  const { parser } = request.socket as unknown as { readonly parser: Parser };
  const { kOnExecute } = parser.constructor;
  const execute = parser[kOnExecute] as Executed;
  parser[kOnExecute] = (parsed) => {
    const isRest = typeof parsed === 'number' && parsed < parser.getCurrentBuffer().length;
    if (request.complete) parser[kOnExecute] = execute;
    execute(parsed);
    if (isRest) act();
  };
}

/** Node's HTTP parser calls this after each packet, with the number of bytes that it has parsed, or an error. */
type Executed = (parsed: number | Error) => void;

/** Node's HTTP parser. Versions 20, 22 and 24 attach it to the socket. */
interface Parser {
  readonly constructor: { readonly kOnExecute: number };
  [callback: number]: Executed;
  /** The current packet. */
  readonly getCurrentBuffer: () => Buffer;
}

/** Internals of Node's responses, in versions 20, 22 and 24. */
interface Internals {
  /** Reports how many bytes more, or less, are pending for the connection. */
  readonly _onPendingData: (bytes: number) => void;
}

/** Ends a connection after a response, whether its headers were sent or not. */
function endSocketAfter(last: ServerResponse, socket: Socket): void {
  if (!last.shouldKeepAlive) return;
  last.shouldKeepAlive = false;
  // If its head was sent, Node keeps the connection open.
  last.once('close', () => socket.destroySoon());
}

/** Informs the client, unless the headers were already sent, that its connection accepts no further request. */
function endConnectionAfter(response: ServerResponse): void {
  if (!response.headersSent) response.shouldKeepAlive = false;
}

import { Agent, type IncomingMessage, type ServerResponse, request as sendRequest } from 'node:http';
import type { Operation, OperationId } from '../api/operations.js';
import { AppError } from '../core/errors.js';
import { CHILD_LEASE_MS } from '../core/limits.js';
import { sendContinue } from './body.js';
import { CLIENT_HEADER, SERVER_HEADER, serverAddressOf } from './client-address.js';
import { CLIENT_ENDED, endIfUnread } from './linger.js';
import { RESET_STATUS } from './reset.js';

/** What a process answers from saved indexes alone. Everything else needs the threads or the state of the main process. */
const ALONE: ReadonlySet<OperationId> = new Set([
  'createChatCompletion',
  'createCompletion',
  'createResponse',
  'createMessage',
  'createEmbeddings',
  'legacyCompletion',
  'legacyCachedCompletion',
  'health',
  'ping',
  'postPing',
]);

/** Headers that are about one connection, and not about the message: RFC 9110, 7.6.1. */
const OF_CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  CLIENT_HEADER,
  SERVER_HEADER,
]);

/** Passes requests on to the main process, and its answers back. */
export class Passer {
  private readonly path: string;
  private readonly agent = new Agent({ keepAlive: true });
  /** True if every request is passed on. */
  passesAll = true;
  /** When the main process was heard last, in ms of a monotonic clock. */
  private heardMs = 0;

  /** @param path the socket that the main process listens on */
  constructor(path: string) {
    this.path = path;
  }

  /** True if this process answers such requests itself, as far as it can. */
  answers(operation: Operation | undefined): operation is Operation {
    if (this.passesAll || operation === undefined || !ALONE.has(operation.id)) return false;
    return performance.now() - this.heardMs < CHILD_LEASE_MS;
  }

  /** Lets this process answer for another `CHILD_LEASE_MS`: the main process has said nothing that is against it. */
  hear(): void {
    this.heardMs = performance.now();
  }

  /**
   * Passes a request on.
   *
   * @param body the body, if it was read before
   * @param failed called if the main process can't be reached, before anything was answered
   */
  pass(
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer | undefined,
    failed: (error: AppError) => void,
  ): void {
    const { method, url, socket } = request;
    const headers = messageHeaders(request.rawHeaders);
    headers.push(CLIENT_HEADER, socket.remoteAddress ?? '', SERVER_HEADER, serverAddressOf(request));
    const isChunked = body === undefined && request.headers['transfer-encoding'] !== undefined;
    if (isChunked) headers.push('transfer-encoding', 'chunked');
    const passed = sendRequest({ socketPath: this.path, agent: this.agent, method, path: url, headers });
    const leave = () => {
      if (!response.writableFinished) passed.destroy();
    };
    response.once('close', leave);
    response.once(CLIENT_ENDED, () => {
      // Once it has its answer, its socket may be that of another request.
      if (!passed.destroyed) passed.socket?.end();
    });
    passed.on('continue', () => sendContinue(request, response));
    passed.on('response', (answer) => {
      if (response.destroyed) return;
      endIfUnread(response);
      response.writeHead(
        answer.statusCode as number,
        answer.statusMessage,
        messageHeaders(answer.rawHeaders),
      );
      response.flushHeaders();
      answer.pipe(response);
      // The main process has cut its answer.
      answer.on('aborted', () => socket.destroy());
    });
    let isReset = false;
    passed.on('information', ({ statusCode }) => {
      isReset = statusCode === RESET_STATUS;
    });
    passed.on('error', (cause) => {
      if (response.destroyed) return;
      if (isReset) socket.resetAndDestroy();
      else if (response.headersSent) socket.destroy();
      else if (isCut(cause)) socket.destroy();
      else failed(new AppError('overloaded', { cause }));
    });
    if (body !== undefined) {
      passed.end(body);
      return;
    }
    request.pipe(passed);
  }
}

/** True if the main process has closed the connection on purpose: it would be reached otherwise. */
function isCut({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ECONNRESET' || code === 'EPIPE';
}

/** The headers of a message without those of its connection, names and values alternating. */
function messageHeaders(raw: readonly string[]): string[] {
  const headers: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    if (!OF_CONNECTION.has(name.toLowerCase())) headers.push(name, raw[i + 1] as string);
  }
  return headers;
}

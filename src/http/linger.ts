import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { LINGER_MS, UNREAD_BYTES_MAX } from '../core/limits.js';

/**
 * Has Node close a connection for sending only, after its last answer, and at all when the client does or after `LINGER_MS`: the kernel
 * resets a connection that is closed with bytes that were not read, and the client loses what it hasn't read of its answers.
 */
export function closeGently(socket: Socket): void {
  socket.destroySoon = () => {
    socket.end();
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  };
}

/**
 * Has the connection end after a response whose request has a body that was not read to its end, unless the rest is known to be short: Node
 * would read on for as long as the client sends. To be called before the response's head is sent.
 */
export function endIfUnread(response: ServerResponse): void {
  const { req } = response;
  if (req.complete || !mayBeLong(req)) return;
  response.shouldKeepAlive = false;
  closeGently(req.socket);
}

/** True if more than a little of a body may be to come. A client that waits to be told to go on may send it or not. */
function mayBeLong({ headers }: IncomingMessage): boolean {
  return (
    headers['transfer-encoding'] !== undefined ||
    headers.expect !== undefined ||
    Number(headers['content-length'] ?? 0) > UNREAD_BYTES_MAX
  );
}

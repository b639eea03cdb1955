import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { LINGER_MS, UNREAD_BYTES_MAX } from '../core/limits.js';

/** The event of a response whose client has ended its side of the connection. */
export const CLIENT_ENDED = 'clientEnded';

/**
 * Makes Node close only the sending side of a connection after its last response. The connection closes completely when the client closes
 * its side, or after `LINGER_MS`. If it were closed with unread bytes, the operating system would reset it, and the client would
 * lose the part of its responses that it hasn't read yet.
 */
export function closeGently(socket: Socket): void {
  socket.destroySoon = () => {
    socket.end();
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  };
}

/**
 * Ends the connection after a response whose request has an unread body, unless the rest is known to be short: Node would read on for as
 * long as the client sends. Must be called before the response's head is sent.
 */
export function endIfUnread(response: ServerResponse): void {
  const { req } = response;
  if (req.complete || !mayBeLong(req)) return;
  response.shouldKeepAlive = false;
  closeGently(req.socket);
}

/** True if the rest of a body may be long. A client that waits for `100 Continue` may send it or not. */
function mayBeLong({ headers }: IncomingMessage): boolean {
  return (
    headers['transfer-encoding'] !== undefined ||
    headers.expect !== undefined ||
    Number(headers['content-length'] ?? 0) > UNREAD_BYTES_MAX
  );
}

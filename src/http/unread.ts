import type { IncomingMessage, ServerResponse } from 'node:http';
import { LINGER_MS, UNREAD_BYTES_MAX } from '../core/limits.js';

/**
 * Has the connection end after a response whose request has a body that was not read to its end, unless the rest is known to be short: Node
 * would read on for as long as the client sends. To be called before the response's head is sent.
 */
export function endIfUnread(response: ServerResponse): void {
  const { req } = response;
  if (req.complete || !mayBeLong(req)) return;
  const { socket } = req;
  response.shouldKeepAlive = false;
  // Node calls it after the response. A connection that is closed with bytes that were not read is reset, and the client would lose
  // the answer: so only this side is closed, and what still comes is thrown away until the client closes its own, or for so long.
  socket.destroySoon = () => {
    socket.end();
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => clearTimeout(timer));
  };
}

/** True if more than a little of a body may be to come. A client that waits to be told to go on may send it or not. */
function mayBeLong({ headers }: IncomingMessage): boolean {
  return (
    headers['transfer-encoding'] !== undefined ||
    headers.expect !== undefined ||
    Number(headers['content-length'] ?? 0) > UNREAD_BYTES_MAX
  );
}

/**
 * Whole responses past Node's `writeHead` and `end`: one string, or one string and one Buffer, into the socket.
 *
 * Node checks each header's name and value by a regular expression, looks for those that it would add itself, and hands head and
 * body to the system by a list of pieces. Here all headers are the server's own, and are known to be good. It needs three
 * fields that Node marks as its own with an underscore; a response to which anything else applies than to most goes Node's way.
 */

import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What Node keeps in a response: 20, 22 and 24 do. */
interface Internals {
  /** The head, once it is made. */
  _header: string | null;
  _headerSent: boolean;
  /** How long the connection may be idle, in ms. */
  readonly _keepAliveTimeout: number;
}

/**
 * Sends a response with the status 200 to a client that takes HTTP 1.1.
 *
 * @param headers names and values, printable ASCII. Those that Node adds to all are added: `date`, `connection`, `keep-alive`.
 * @param content a byte string, or a Buffer. It is the body as it goes over the wire: its length, or that it is chunked, stands in
 *     the headers.
 * @param nowSeconds since 1970
 */
export function sendWhole(
  response: ServerResponse,
  headers: readonly string[],
  content: string | Buffer,
  nowSeconds: number,
): void {
  const { socket } = response;
  // A pipelined one that waits for its turn has no socket yet; one that is its connection's last has other headers.
  if (!socket?.writable || !response.shouldKeepAlive) {
    response.writeHead(200, headers as string[]);
    // It is chunked already, if it is to be.
    response.chunkedEncoding = false;
    response.end(content, 'latin1');
    return;
  }
  const internals = response as unknown as Internals;
  let head = 'HTTP/1.1 200 OK\r\n';
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  const idleSeconds = Math.floor(internals._keepAliveTimeout / 1000);
  head += `Date: ${dateAt(nowSeconds)}\r\nConnection: keep-alive\r\nKeep-Alive: timeout=${idleSeconds}\r\n\r\n`;
  internals._header = head;
  internals._headerSent = true;
  write(socket, head, content);
  // Node has nothing to send any more: it waits until the system has taken all, and goes on to the next request.
  response.end();
}

function write(socket: Socket, head: string, content: string | Buffer): void {
  if (typeof content === 'string') {
    socket.write(head + content, 'latin1');
    return;
  }
  socket.cork();
  socket.write(head, 'latin1');
  socket.write(content);
  socket.uncork();
}

/** The date that was spelled last: it is the same for a second. */
let spelled = { seconds: 0, date: '' };

/** A date as HTTP spells it. */
function dateAt(seconds: number): string {
  if (seconds !== spelled.seconds) spelled = { seconds, date: new Date(seconds * 1000).toUTCString() };
  return spelled.date;
}

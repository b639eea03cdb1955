/**
 * Responses past Node's `writeHead`, `write` and `end`: the head and the first bytes of the body go into the socket in one write.
 *
 * Node checks each header's name and value by a regular expression, looks for those that it would add itself, and hands head and
 * body to the system by a list of pieces. Here all headers are the server's own, and are known to be good. It needs three
 * fields that Node marks as its own with an underscore; a response to which anything else applies than to most goes Node's way.
 */

import { type ServerResponse, STATUS_CODES } from 'node:http';
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
 * The socket that a response may be written to, if its client takes HTTP 1.1 and more on its connection; undefined if it has to go
 * Node's way: a pipelined response that waits for its turn has no socket yet, one that is its connection's last has other headers.
 */
export function rawSocket(response: ServerResponse): Socket | undefined {
  const { socket, req } = response;
  const isUsual =
    response.shouldKeepAlive &&
    req.httpVersionMinor === 1 &&
    req.method !== 'HEAD' &&
    response.getHeaderNames().length === 0;
  return isUsual && socket?.writable ? socket : undefined;
}

/**
 * The head of a response, a byte string, that is to be written to its `rawSocket` at once. After that the body may be written there;
 * `response.end()` tells Node that it is through, and that the next request may be answered.
 *
 * @param headers names and values, printable ASCII. Those that Node adds to all are added: `date`, `connection`, `keep-alive`.
 * @param nowMs since 1970
 */
export function rawHead(
  response: ServerResponse,
  status: number,
  headers: readonly string[],
  nowMs: number,
): string {
  const internals = response as unknown as Internals;
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`;
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  const idleSeconds = Math.floor(internals._keepAliveTimeout / 1000);
  head += `Date: ${dateAt(Math.floor(nowMs / 1000))}\r\nConnection: keep-alive\r\nKeep-Alive: timeout=${idleSeconds}\r\n\r\n`;
  response.statusCode = status;
  internals._header = head;
  internals._headerSent = true;
  return head;
}

/** The date that was spelled last: it is the same for a second. */
let spelled = { seconds: 0, date: '' };

/** A date as HTTP spells it. */
function dateAt(seconds: number): string {
  if (seconds !== spelled.seconds) spelled = { seconds, date: new Date(seconds * 1000).toUTCString() };
  return spelled.date;
}

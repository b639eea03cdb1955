/**
 * Writes responses without Node's `writeHead`, `write` and `end`: the head and the first bytes of the body go into the socket in one write.
 *
 * Node validates each header's name and value with a regular expression, looks for the headers that it would add itself, and passes head
 * and body to the system as a list of pieces. Here all headers are the server's own, and known to be valid. This needs three fields that
 * Node marks as its own with an underscore. Responses that differ from the usual case are sent with Node's methods, and so are all of them
 * on Bun: there the response is an object of its native server, which would send a second head.
 */

import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

/** Internals of Node's responses, in versions 20, 22 and 24. */
interface Internals {
  /** The head, once it is built. */
  _header: string | null;
  _headerSent: boolean;
  /** How long the connection may be idle, in ms. */
  readonly _keepAliveTimeout: number;
}

/** Whether responses are Node's own. */
const IS_NODE = process.versions.bun === undefined;

/**
 * The socket to write a response to, if its client speaks HTTP 1.1 and may send more requests on the connection. Undefined if the response
 * needs Node's methods: a pipelined response that waits for those before it has no socket yet, and the last response of a connection has
 * other headers.
 */
export function rawSocket(response: ServerResponse): Socket | undefined {
  const { socket, req } = response;
  const isUsual =
    IS_NODE &&
    response.shouldKeepAlive &&
    req.httpVersionMinor === 1 &&
    req.method !== 'HEAD' &&
    response.getHeaderNames().length === 0;
  return isUsual && socket?.writable ? socket : undefined;
}

/** Whether a stream's chunks are framed by this server. HTTP 1.0 has no chunks, and Bun frames what it sends whatever `chunkedEncoding` is. */
export function isFramedHere(response: ServerResponse): boolean {
  return IS_NODE && response.req.httpVersionMinor === 1;
}

/**
 * The head of a response, a byte string, which must be written to its `rawSocket` immediately. After that the body may be written there.
 * `response.end()` then notifies Node that the response is complete, and that the next request may be answered.
 *
 * @param headers names and values, printable ASCII. The headers that Node adds to all responses are added: `date`, `connection`,
 *     `keep-alive`.
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

/** The last date that was formatted: it is the same for a second. */
let spelled = { seconds: 0, date: '' };

/** Formats a date for HTTP. */
function dateAt(seconds: number): string {
  if (seconds !== spelled.seconds) spelled = { seconds, date: new Date(seconds * 1000).toUTCString() };
  return spelled.date;
}

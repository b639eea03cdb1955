import type { IncomingMessage } from 'node:http';

/** Carries the address of the client in a request that another process of the server passes on. */
export const CLIENT_HEADER = 'x-verbatim-client';

/** Carries the address that the client has connected to, as in a URL, in the same way. */
export const SERVER_HEADER = 'x-verbatim-server';

/** The address of a request's client, for limits and logs; an empty string if it isn't known any more. */
export function clientAddressOf(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? passedOn(request, CLIENT_HEADER);
}

/** The address and port that a request's client has connected to, as in a URL; an empty string if it isn't known any more. */
export function serverAddressOf(request: IncomingMessage): string {
  const { localAddress, localPort } = request.socket;
  if (localAddress === undefined) return passedOn(request, SERVER_HEADER);
  return `${localAddress.includes(':') ? `[${localAddress}]` : localAddress}:${localPort}`;
}

/**
 * True if another process of the server has passed a request on: only such processes connect to a socket without an address, which others
 * can't open. A client that resets its connection has no address either, but the server's side of the connection has.
 */
export function isPassedOn({ socket }: IncomingMessage): boolean {
  return !socket.destroyed && socket.localAddress === undefined;
}

function passedOn(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  return isPassedOn(request) && typeof value === 'string' ? value : '';
}

import type { IncomingMessage } from 'node:http';

/** Carries the address of the client in a request that another process of the server passes on. */
export const CLIENT_HEADER = 'x-verbatim-client';

/**
 * The address of a request's client, for limits and logs. Only other processes of the server connect without an address, by a socket that
 * others can't open.
 */
export function clientAddressOf({ socket, headers }: IncomingMessage): string {
  const { remoteAddress } = socket;
  if (remoteAddress !== undefined) return remoteAddress;
  const passed = headers[CLIENT_HEADER];
  return typeof passed === 'string' ? passed : '';
}

import { type AddressInfo, createServer, type Server } from 'node:net';
import { CommandError } from '../core/errors.js';
import { BACKLOG } from '../core/limits.js';
import type { SourceOf } from '../settings/read-settings.js';
import type { Config } from '../settings/table.js';

/** Why the server can't listen, in one line. */
export class ListenError extends CommandError {
  override readonly name = 'ListenError';
}

/** The setting that is wrong, and how to fix it; the name of the flag or the option follows. */
const PROBLEMS: Readonly<Record<string, readonly [setting: 'host' | 'port', problem: string]>> = {
  EADDRINUSE: ['port', 'port in use; choose another, or 0 for a free one,'],
  EACCES: ['port', 'no permission to use the port; choose one above 1023'],
  EADDRNOTAVAIL: ['host', 'this machine has no such address; choose another'],
  ENOTFOUND: ['host', 'no such address; choose another'],
  EAI_AGAIN: ['host', 'no such address; choose another'],
};

/**
 * Starts to listen.
 *
 * @param sourceOf returns where host and port were given, for the error; undefined if they are options of the library, not flags
 * @returns the address, whose port is a free one if 0 was given
 * @throws ListenError if the address can't be used
 */
export async function listen(
  server: Server,
  { host, port }: Pick<Config, 'host' | 'port'>,
  sourceOf?: SourceOf,
): Promise<AddressInfo> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new ListenError(`cannot listen on ${host}:${port}${problemOf(error, sourceOf)}`));
    });
    server.listen({ port, host, backlog: BACKLOG }, resolve);
  });
  return server.address() as AddressInfo;
}

/** The end of the message, from the source of the wrong setting on. */
function problemOf({ code = '', message }: NodeJS.ErrnoException, sourceOf?: SourceOf): string {
  const known = PROBLEMS[code];
  if (known === undefined) return `: ${message}`;
  const [setting, problem] = known;
  if (sourceOf === undefined) return `: ${problem} with the option '${setting}'`;
  const source = sourceOf(setting);
  return `${source === undefined ? '' : ` (given by ${source})`}: ${problem} with --${setting}`;
}

/**
 * Checks that an address can be used, without keeping it: a server that doesn't answer yet must not accept connections, so that clients and
 * probes that connect too early are refused instead of waiting. Another process may take the port in the meantime.
 *
 * @throws ListenError if the address can't be used
 */
export async function tryAddress(...address: [Pick<Config, 'host' | 'port'>, SourceOf?]): Promise<void> {
  const server = createServer((socket) => socket.destroy());
  await listen(server, ...address);
  await new Promise((resolve) => server.close(resolve));
}

import type { ServerResponse } from 'node:http';
import { isPassedOn } from './client-address.js';

/** The status that says, to the process that has passed a request on, that the client's connection is to be reset. It never gets there. */
export const RESET_STATUS = 102;

/** Resets the connection of a client whose response has not begun. */
export function resetConnection(response: ServerResponse): void {
  const { req } = response;
  if (!isPassedOn(req)) {
    req.socket.resetAndDestroy();
    return;
  }
  response.writeProcessing();
  req.socket.destroySoon();
}

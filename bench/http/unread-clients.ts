/** The process of the bad clients: each sends the given bytes on its own connection, and reads nothing. */

import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { answer, taskOf } from '../own-process.js';

/** The bytes they send, and how long they stay. */
export interface BadClientsTask {
  readonly port: number;
  /** A byte string for each connection. */
  readonly requests: readonly string[];
  /** True if each sends one more byte per second. */
  readonly dribbles: boolean;
  readonly seconds: number;
}

const DRIBBLE_MS = 1000;

const { port, requests, dribbles, seconds } = await taskOf<BadClientsTask>();
const sockets = requests.map((bytes) => {
  const socket = connect({ host: '127.0.0.1', port });
  // The server may close it.
  socket.on('error', () => undefined);
  socket.pause();
  socket.write(bytes, 'latin1');
  return socket;
});
const dribble = () => {
  for (const socket of sockets) if (socket.writable) socket.write(' ');
};
const timer = dribbles ? setInterval(dribble, DRIBBLE_MS) : undefined;
await delay(seconds * 1000);
clearInterval(timer);
for (const socket of sockets) socket.destroy();
answer({});

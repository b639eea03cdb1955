/**
 * A client in its own process: `node late-client.mjs URL FILE [rest|N]`. Prints a line on stderr when it is ready; with `rest`, after a
 * first request on a keep-alive connection. After a line on stdin, it sends a request on that connection, or on each of N new ones, and
 * then creates the file. Prints the responses, or the code of the connection's error.
 */

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';

const [url, file, how] = process.argv.slice(2);
const REQUEST = 'GET / HTTP/1.1\r\n\r\n';

async function open() {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('data', (bytes) => process.stdout.write(bytes));
  socket.on('error', ({ code }) => process.stdout.write(String(code)));
  await once(socket, 'connect');
  return socket;
}

async function openAndAsk() {
  const socket = await open();
  socket.write(REQUEST);
  await once(socket, 'data');
  return socket;
}

const kept = how === 'rest' ? [await openAndAsk()] : undefined;
process.stderr.write('ready\n');
await once(process.stdin, 'data');
const sockets = kept ?? (await Promise.all(Array.from({ length: Number(how) }, open)));
const closed = sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.write(REQUEST, resolve))));
writeFileSync(file, '');
await Promise.all(closed);
process.exit();

/**
 * A client in a process of its own: `node late-client.mjs URL FILE [rest]`. Prints a line on stderr when it is ready, with `rest` after
 * a first request on a connection that it keeps. Told to by a line on stdin, it sends a request, on that connection or a new one, and
 * then creates the file. Prints the answers, or the code of the connection's error.
 */

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';

const [url, file, isAtRest] = process.argv.slice(2);
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

const kept = isAtRest === undefined ? undefined : await openAndAsk();
process.stderr.write('ready\n');
await once(process.stdin, 'data');
const socket = kept ?? (await open());
const closed = new Promise((resolve) => socket.once('close', resolve));
socket.write(REQUEST, () => writeFileSync(file, ''));
await closed;
process.exit();

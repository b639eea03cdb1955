/**
 * The least that a server of streams on time can do: no HTTP, no lookup, one timer, and one prepared chunk, written to each connection once
 * an interval. Its arguments: the bytes of a chunk, and the interval in ms.
 */

import { type AddressInfo, createServer, type Socket } from 'node:net';

const [bytes = 0, intervalMs = 0] = process.argv.slice(2).map(Number);
const HEAD = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
const chunk = chunkOf(bytes);

/** Connections by the millisecond of the interval in which they are written to. */
const slots: Set<Socket>[] = Array.from({ length: intervalMs }, () => new Set());
let connections = 0;
let written = 0;
const startMs = performance.now();

const server = createServer({ noDelay: true }, (socket) => {
  const slot = slots[connections++ % intervalMs];
  socket.once('data', () => {
    socket.write(HEAD);
    slot?.add(socket);
  });
  socket.on('error', () => socket.destroy()).on('close', () => slot?.delete(socket));
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`listening on http://127.0.0.1:${port}\n`);
});
setInterval(writeDue, 1);

function writeDue(): void {
  const dueMs = performance.now() - startMs;
  for (; written < dueMs; written++)
    for (const socket of slots[written % intervalMs] ?? []) socket.write(chunk);
}

/** A content chunk of that length in the chunked transfer coding. */
function chunkOf(length: number): Buffer {
  const [start, end] = ['data: {"choices":[{"delta":{"content":"', '"}}]}\n\n'];
  // Its size has as many hexadecimal digits as the whole length, except just above a power of 16, where a byte is missing.
  const size = length - length.toString(16).length - '\r\n\r\n'.length;
  const text = 'x'.repeat(Math.max(0, size - start.length - end.length));
  const event = start + text + end;
  return Buffer.from(`${event.length.toString(16)}\r\n${event}\r\n`);
}

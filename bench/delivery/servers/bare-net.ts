/**
 * The least that a server of streams on time can do: no HTTP, no lookup, one timer, and one prepared chunk, written to a connection again and
 * again. Its arguments: the bytes of a chunk, the chunks of a stream, the time to the first one, and the interval between two, in ms.
 */

import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A connection whose stream isn't complete. */
interface Stream {
  readonly socket: Socket;
  /** Chunks that are left. */
  left: number;
}

const [bytes = 0, chunks = 0, firstMs = 0, intervalMs = 0] = process.argv.slice(2).map(Number);
const HEAD = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
const END = '0\r\n\r\n';
/** Connections that wait to be accepted while the server is busy: as many as ours has. */
const BACKLOG = 4096;
const chunk = chunkOf(bytes);
const first = HEAD + chunk;
const last = chunk + END;

/** Streams by the millisecond in which their next chunk is due, in turn. More slots than the longest time: the timer may be late. */
const slots: Stream[][] = Array.from({ length: 10_000 + Math.max(firstMs, intervalMs) }, () => []);
const startMs = performance.now();
let written = 0;

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('data', () => addIn(firstMs, { socket, left: chunks }));
  socket.on('error', () => socket.destroy());
});
server.listen({ port: 0, host: '127.0.0.1', backlog: BACKLOG }, () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`listening on http://127.0.0.1:${port}\n`);
});
setInterval(writeDue, 1);

/** Adds a stream that is due in some ms. */
function addIn(ms: number, stream: Stream): void {
  const nowMs = Math.max(written, Math.floor(performance.now() - startMs));
  addAt(nowMs + ms, stream);
}

function addAt(ms: number, stream: Stream): void {
  slots[ms % slots.length]?.push(stream);
}

function writeDue(): void {
  const nowMs = performance.now() - startMs;
  for (; written < nowMs; written++) {
    for (const stream of slots[written % slots.length]?.splice(0) ?? []) {
      stream.socket.write(stream.left === chunks ? first : stream.left === 1 ? last : chunk, 'latin1');
      if (--stream.left > 0) addAt(written + intervalMs, stream);
    }
  }
}

/** A content chunk of that length in the chunked transfer coding. */
function chunkOf(length: number): string {
  const [start, end] = ['data: {"choices":[{"delta":{"content":"', '"}}]}\n\n'];
  // Its size has as many hexadecimal digits as the whole length, except just above a power of 16, where a byte is missing.
  const size = length - length.toString(16).length - '\r\n\r\n'.length;
  const text = 'x'.repeat(Math.max(0, size - start.length - end.length));
  const event = start + text + end;
  return `${event.length.toString(16)}\r\n${event}\r\n`;
}

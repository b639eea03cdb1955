/** Bodies as networks deliver them, and connections that continue after each: past Express, and through it. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as loopTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { byteCount } from '#dist/core/bytes.js';
import { serveApp } from '../support/app.js';

const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));
const MB = 1 << 20;
const BODY_LIMIT = 8 * MB;

let port: number;
beforeAll(async () => {
  port = Number(new URL(await serveApp(dataset, { bodyLimit: byteCount(BODY_LIMIT) })).port);
});

const chat = (content: string, more: object = {}) =>
  JSON.stringify({ messages: [{ role: 'user', content }], ...more });
const HIT = chat('Say it.');
const MISS = chat('nowhere');
const BAD = '{"messages":[';

function requestOf(body: string): Buffer {
  const head = [
    'POST /v1/chat/completions HTTP/1.1',
    'host: x',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/** A body, or a request, of this length with any prompt. */
function padded(
  content: string,
  length: number,
  lengthOf: (body: string) => number = Buffer.byteLength,
): string {
  const more = length - lengthOf(chat(content, { padding: '' }));
  const body = chat(content, { padding: 'u'.repeat(more) });
  // The length may have gained a digit.
  return chat(content, { padding: 'u'.repeat(more - (lengthOf(body) - length)) });
}

/** A connection with sequential responses. */
class Connection {
  readonly socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
  private readonly closed = new AbortController();
  private got = '';

  constructor() {
    this.socket.setEncoding('latin1').on('close', () => this.closed.abort());
    onTestFinished(() => void this.socket.destroy());
  }

  /** Sends bytes in packets of the given size. */
  async send(bytes: Buffer, packetBytes = bytes.length): Promise<void> {
    for (let at = 0; at < bytes.length; at += packetBytes) {
      this.socket.write(bytes.subarray(at, at + packetBytes));
      // The server runs on this thread, and reads each packet before the next is sent.
      await loopTurn();
    }
  }

  /** The status of the next response, and its message. */
  async answer(): Promise<readonly [status: number, said: string]> {
    for (;;) {
      const found = /^HTTP\/1\.1 (\d+)[\s\S]*?\r\n\r\n/.exec(this.got);
      const length = Number(/content-length: (\d+)/i.exec(found?.[0] ?? '')?.[1]);
      const end = (found?.[0].length ?? 0) + length;
      if (this.got.length >= end) {
        const { choices, error } = JSON.parse(this.got.slice(end - length, end));
        this.got = this.got.slice(end);
        return [Number(found?.[1]), choices?.[0].message.content ?? error.code];
      }
      this.got += (await once(this.socket, 'data', this.closed))[0];
    }
  }

  async ask(body: string, packetBytes?: number): Promise<readonly [status: number, said: string]> {
    await this.send(requestOf(body), packetBytes);
    return this.answer();
  }
}

const FOUND = [200, expect.stringContaining('Two words')];
const NOT_FOUND = [404, 'prompt_not_found'];
const INVALID = [400, null];
const ANSWERS = [
  ['found', HIT, FOUND],
  ['not found', MISS, NOT_FOUND],
  ['invalid JSON', BAD, INVALID],
] as const;

describe('a body that is', () => {
  it.each(ANSWERS)('%s gets the same answer in any number of packets', async (_what, body, expected) => {
    const connection = new Connection();
    for (const packetBytes of [undefined, 1, 7, 100]) {
      expect(await connection.ask(body, packetBytes)).toEqual(expected);
      expect(await connection.ask(HIT)).toEqual(FOUND);
    }
  });

  it.each([
    ['found', padded('Say it.', BODY_LIMIT), FOUND],
    ['not found', padded('nowhere', BODY_LIMIT), NOT_FOUND],
    ['invalid JSON', `${padded('nowhere', BODY_LIMIT - 1)}x`, INVALID],
  ])('as long as the limit, and %s, is answered', async (_what, body, expected) => {
    const connection = new Connection();
    expect(await connection.ask(body)).toEqual(expected);
    expect(await connection.ask(HIT)).toEqual(FOUND);
  });
});

describe('requests that are sent together', () => {
  it.each([undefined, 50])('are answered in order, in packets of %s bytes', async (packetBytes) => {
    const connection = new Connection();
    const bodies = [HIT, MISS, BAD, HIT, HIT, BAD, MISS, HIT];
    const expected = bodies.map((body) => (body === HIT ? FOUND : body === MISS ? NOT_FOUND : INVALID));
    const sent = connection.send(Buffer.concat(bodies.map(requestOf)), packetBytes);
    const answers: unknown[] = [];
    for (const _ of bodies) answers.push(await connection.answer());
    expect(answers).toEqual(expected);
    await sent;
    expect(await connection.ask(MISS)).toEqual(NOT_FOUND);
    expect(await connection.ask(HIT)).toEqual(FOUND);
  });
});

describe('a client that half-closes the connection after its request', () => {
  // This is the size of one read from a connection: its end is seen in the same turn of the event loop.
  it.each([200, 65_535, 65_536, 65_537, 131_072])('of %i bytes gets its answer', async (length) => {
    const lengthOf = (body: string) => requestOf(body).length;
    for (const [content, expected] of [
      ['Say it.', FOUND],
      ['nowhere', NOT_FOUND],
    ] as const) {
      const bytes = requestOf(padded(content, length, lengthOf));
      expect(bytes).toHaveLength(length);
      for (let i = 0; i < 5; i++) {
        const connection = new Connection();
        const answered = connection.answer();
        connection.socket.end(bytes);
        expect(await answered).toEqual(expected);
      }
    }
  });
});

describe('idle connections', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  /** Memory of all buffers, after a garbage collection. */
  async function heldBytes(): Promise<number> {
    collect();
    await loopTurn();
    collect();
    const { arrayBuffers, heapUsed } = process.memoryUsage();
    return arrayBuffers + heapUsed;
  }

  it.each([
    ['found', padded('Say it.', 4 * MB), FOUND],
    ['not found', padded('nowhere', 4 * MB), NOT_FOUND],
    ['invalid JSON', `${padded('nowhere', 4 * MB - 1)}x`, INVALID],
  ])('hold no bodies of requests that are %s', async (_what, body, expected) => {
    // The first one may include one-time allocations.
    expect(await new Connection().ask(body)).toEqual(expected);
    const before = await heldBytes();
    const connections = Array.from({ length: 10 }, () => new Connection());
    for (const connection of connections) expect(await connection.ask(body)).toEqual(expected);
    expect((await heldBytes()) - before).toBeLessThan(2 * body.length);
    for (const connection of connections) expect(await connection.ask(HIT)).toEqual(FOUND);
  });
});

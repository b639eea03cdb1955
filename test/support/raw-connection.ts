import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type RawAnswer, readAnswers } from './http-answers.js';

/** A connection that sends whatever bytes it is given, and reads the answers. */
export class RawConnection {
  private readonly socket: Socket;
  private bytes = Buffer.alloc(0);
  /** The answers that have come whole. */
  readonly answers: RawAnswer[] = [];
  /** What is wrong with what came, as HTTP. */
  problem: Error | undefined;
  /** Settles when the connection is closed, by whichever side, in order or not. */
  readonly closed: Promise<void>;
  isClosed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    // The end of a connection is told by its `close`.
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => this.take(bytes));
    this.closed = new Promise((resolve) =>
      socket.once('close', () => {
        this.isClosed = true;
        resolve();
      }),
    );
  }

  /** @param url of the server */
  static async open(url: string): Promise<RawConnection> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true, allowHalfOpen: true });
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  /** What has come behind the last whole answer. */
  get rest(): Buffer {
    return this.bytes;
  }

  send(bytes: Buffer | string): void {
    if (this.socket.writable) this.socket.write(bytes);
  }

  /** Sends nothing more. */
  end(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Stops to read, or goes on. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Waits until so many answers have come, or the connection is closed. */
  async waitFor(answers: number): Promise<void> {
    while (this.answers.length < answers && !this.isClosed) {
      await Promise.race([once(this.socket, 'data').catch(() => undefined), this.closed]);
    }
  }

  private take(bytes: Buffer): void {
    if (this.problem !== undefined) return;
    try {
      const { answers, rest } = readAnswers(Buffer.concat([this.bytes, bytes]));
      this.answers.push(...answers);
      this.bytes = Buffer.from(rest);
    } catch (error) {
      this.problem = error as Error;
    }
  }
}

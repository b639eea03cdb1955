import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type RawAnswer, readAnswers } from './http-answers.js';

/** A connection that sends arbitrary bytes and reads the responses. */
export class RawConnection {
  private readonly socket: Socket;
  /** Bytes after the last response known to be complete. */
  private parts: Buffer[] = [];
  private readonly whole: RawAnswer[] = [];
  private wrong: Error | undefined;
  /** Number of 100 Continue responses, among the responses parsed so far. */
  continues = 0;
  /** Settles when either side closes the connection, gracefully or not. */
  readonly closed: Promise<void>;
  isClosed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    // `close` reports the end of a connection.
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => this.parts.push(bytes));
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
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  /** The complete responses. Those that are removed from it don't come again. */
  get answers(): RawAnswer[] {
    this.read();
    return this.whole;
  }

  /** The HTTP error in the received bytes. */
  get problem(): Error | undefined {
    this.read();
    return this.wrong;
  }

  /** Number of bytes after the last complete response. */
  get restBytes(): number {
    this.read();
    return this.parts[0]?.length ?? 0;
  }

  /** Settles when the system has accepted the bytes, or the connection is closed. */
  async send(bytes: Buffer | string): Promise<void> {
    if (this.socket.writable) await new Promise((resolve) => this.socket.write(bytes, resolve));
  }

  /** Ends the sending side. */
  end(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Pauses or resumes reading. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Waits for bytes. */
  async begun(): Promise<void> {
    await once(this.socket, 'data');
  }

  /** Waits for this number of responses, or until no more can come: the connection is closed, or the bytes are not a response. */
  async waitFor(answers: number): Promise<void> {
    while (this.answers.length < answers && !this.isClosed && this.problem === undefined) {
      await Promise.race([once(this.socket, 'data').catch(() => undefined), this.closed]);
    }
  }

  private read(): void {
    if (this.wrong !== undefined || this.parts.length === 0) return;
    const bytes = this.parts.length === 1 ? (this.parts[0] as Buffer) : Buffer.concat(this.parts);
    try {
      const { answers, continues, rest } = readAnswers(bytes);
      this.continues += continues;
      this.whole.push(...answers);
      this.parts = rest.length === 0 ? [] : [rest];
    } catch (error) {
      this.wrong = error as Error;
    }
  }
}

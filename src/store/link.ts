/** One connection to a server. This is the only file that knows `@redis/client`, which speaks the protocol. */

import { isIP } from 'node:net';
import type * as RedisClient from '@redis/client';
import { STORE_ANSWER_MS, STORE_PING_MS, STORE_QUEUE_MAX } from '../core/limits.js';
import type { StoreHost, StoreSettings } from '../core/store-settings.js';
import { StoreAwayError, StoreRefusalError } from './store-error.js';

/** A reply: bulk strings are bytes. */
export type StoreReply = string | number | Buffer | null | readonly StoreReply[];

/** A command with its arguments. */
export type StoreCommand = readonly (string | Buffer)[];

/** Opens a connection. */
export type OpenLink = (host: StoreHost) => Link;

/** Loads the client. Servers without a store never load it. */
export async function loadLinks(settings: StoreSettings): Promise<OpenLink> {
  const client = await import('@redis/client');
  return (host) => new Link(createClient(client, host, settings), client.ErrorReply);
}

function createClient(client: typeof RedisClient, { host, port }: StoreHost, settings: StoreSettings) {
  const { user, password, database, isEncrypted } = settings;
  // A server isn't named by its address in the handshake: RFC 6066.
  const encryption = isIP(host) === 0 ? { tls: true, servername: host } : { tls: true };
  const socket = { host, port, connectTimeout: STORE_ANSWER_MS, reconnectStrategy: false as const };
  return client.createClient({
    RESP: 2,
    socket: isEncrypted ? { ...socket, ...encryption } : socket,
    // After a connection is lost, commands are rejected rather than kept: memory stays bounded, and the caller decides what to repeat.
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    commandsQueueMaxLength: STORE_QUEUE_MAX,
    // Link has one timer for all commands.
    commandOptions: { timeout: 0, typeMapping: { [client.RESP_TYPES.BLOB_STRING]: Buffer } },
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password }),
    ...(database > 0 && { database }),
  });
}

/** A connection, which isn't made again once it is lost. A server that leaves commands unanswered for `STORE_ANSWER_MS` loses it. */
export class Link {
  private readonly client: ReturnType<typeof createClient>;
  private readonly ReplyError: typeof RedisClient.ErrorReply;
  private readonly watch: NodeJS.Timeout;
  private isReady = false;
  private pending = 0;
  /** When the latest reply came, or a command was sent while none was pending; by `performance.now()`. */
  private progressAtMs = performance.now();
  /** Resolves with the reason when the connection is lost, or could not be made. The reason has no secret. */
  readonly lost: Promise<string>;

  constructor(client: ReturnType<typeof createClient>, ReplyError: typeof RedisClient.ErrorReply) {
    this.client = client;
    this.ReplyError = ReplyError;
    this.watch = setInterval(() => this.check(), STORE_PING_MS);
    this.lost = new Promise<string>((resolve) => {
      client.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      client.on('end', () => resolve('it did not answer in time'));
    });
    void this.lost.then(() => this.close());
  }

  /** Connects. Resolves with true when commands can be sent, with false if the connection is lost before that. */
  async connect(): Promise<boolean> {
    // A process that is stopped accepts connections, since the kernel does. Only a reply shows that it answers, even if it is an error.
    const answered = async () => {
      await this.client.connect();
      await this.client.sendCommand(['PING']);
    };
    const connected = answered().then(
      () => true,
      (error) => error instanceof this.ReplyError,
    );
    this.isReady = await Promise.race([connected, this.lost.then(() => false)]);
    return this.isReady;
  }

  /**
   * Sends a command. Commands of one turn of the event loop go out together, in their order.
   *
   * @throws StoreAwayError if the connection is lost before the reply, StoreRefusalError for the reply of an error
   */
  async send(command: StoreCommand): Promise<StoreReply> {
    if (!this.isReady) throw new StoreAwayError('not connected');
    if (this.pending++ === 0) this.progressAtMs = performance.now();
    try {
      const reply = await this.client.sendCommand<StoreReply>(command);
      this.progressAtMs = performance.now();
      return reply;
    } catch (error) {
      const { message } = error as Error;
      if (!(error instanceof this.ReplyError)) throw new StoreAwayError(message);
      this.progressAtMs = performance.now();
      throw new StoreRefusalError(message);
    } finally {
      this.pending--;
    }
  }

  /** Ends the connection, and rejects the commands without a reply. */
  close(): void {
    this.isReady = false;
    clearInterval(this.watch);
    if (this.client.isOpen) this.client.destroy();
  }

  private check(): void {
    const isLate = performance.now() - this.progressAtMs > STORE_ANSWER_MS;
    if (isLate && (this.pending > 0 || !this.isReady)) this.close();
    else if (this.isReady && this.pending === 0) this.send(['PING']).catch(() => undefined);
  }
}

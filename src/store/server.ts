import { setTimeout as delay } from 'node:timers/promises';
import { STORE_RETRY_MS, STORE_RETRY_MS_MAX } from '../core/limits.js';
import type { StoreHost } from '../core/store-settings.js';
import type { Link, OpenLink, StoreCommand, StoreReply } from './link.js';
import { StoreAwayError } from './store-error.js';

/** What a server reports. */
export interface ServerEvents {
  readonly onUp: (server: StoreServer) => void;
  /** The connection was lost, or could not be made. */
  readonly onAway: (server: StoreServer, reason: string) => void;
}

/** One server, to which a connection is made again until it is closed. */
export class StoreServer {
  readonly host: StoreHost;
  private readonly openLink: OpenLink;
  private readonly events: ServerEvents;
  private readonly closing = new AbortController();
  private link: Link | undefined;
  /** Resolves when the first attempt to connect has succeeded or failed. */
  readonly attempt: Promise<void>;

  constructor(host: StoreHost, openLink: OpenLink, events: ServerEvents) {
    this.host = host;
    this.openLink = openLink;
    this.events = events;
    this.attempt = new Promise((resolve) => {
      void this.keepConnected(resolve);
    });
  }

  /** True if it takes commands. */
  get isUp(): boolean {
    return this.link !== undefined;
  }

  /** See `Link.send`. */
  send(command: StoreCommand): Promise<StoreReply> {
    return this.link?.send(command) ?? Promise.reject(new StoreAwayError(`${addressOf(this.host)} is away`));
  }

  /** Closes the connection, and rejects the commands without a reply. */
  close(): void {
    this.closing.abort();
    this.link?.close();
    this.link = undefined;
  }

  private async keepConnected(onAttempt: () => void): Promise<void> {
    const { signal } = this.closing;
    for (let failures = 0; !signal.aborted; failures++) {
      const link = this.openLink(this.host);
      const close = () => link.close();
      signal.addEventListener('abort', close);
      if ((await link.connect()) && !signal.aborted) {
        failures = 0;
        this.link = link;
        this.events.onUp(this);
      }
      onAttempt();
      const reason = await link.lost;
      signal.removeEventListener('abort', close);
      this.link = undefined;
      if (signal.aborted) return;
      this.events.onAway(this, reason);
      const pauseMs =
        Math.min(STORE_RETRY_MS * 2 ** failures, STORE_RETRY_MS_MAX) * (0.5 + Math.random() / 2);
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** `host:port`, for messages and as a name. */
export function addressOf({ host, port }: StoreHost): string {
  return `${host}:${port}`;
}

/**
 * The connection to the store: each key's commands go to the server that has its slot. The slots are requested when a server says that a key
 * moved, and while a master is away, until another one has its slots.
 */

import { STORE_REDIRECTIONS_MAX, STORE_TOPOLOGY_MS } from '../core/limits.js';
import type { StoreHost, StoreSettings } from '../core/store-settings.js';
import { keySlot, SLOTS } from './key-slot.js';
import { loadLinks, type OpenLink, type StoreCommand, type StoreReply } from './link.js';
import { addressOf, type ServerEvents, StoreServer } from './server.js';
import { StoreAwayError, StoreRefusalError } from './store-error.js';

export type { StoreCommand, StoreReply } from './link.js';

/** What a connection reports. */
export interface StoreEvents {
  /** Every slot has a master that answers. */
  readonly onUp: () => void;
  /** A master is away. Reported once until the next `onUp`, with a reason that has no secret. */
  readonly onAway: (reason: string) => void;
}

const CONNECTING = 'not connected yet';

/** An open connection to Redis or Valkey, one server or a cluster. */
export class StoreConnection {
  private readonly openLink: OpenLink;
  private readonly seeds: readonly string[];
  private readonly events: StoreEvents;
  /** By their addresses: the masters, and the servers of the setting. */
  private readonly servers = new Map<string, StoreServer>();
  /** The master of each slot. */
  private readonly slots: (StoreServer | undefined)[] = Array.from({ length: SLOTS });
  private mastersNow: readonly StoreServer[] = [];
  private wasUp: boolean | undefined;
  private awayReason = CONNECTING;
  private isRefreshing = false;
  private refreshes = 0;
  private changes = 0;
  private refreshTimer: NodeJS.Timeout | undefined;
  private isClosed = false;

  /**
   * Begins to connect. Resolves at once: `isUp` and the events say when commands can be sent.
   *
   * @param events called later, never during the call
   */
  static async open(settings: StoreSettings, events: StoreEvents): Promise<StoreConnection> {
    return new StoreConnection(settings, events, await loadLinks(settings));
  }

  private constructor({ hosts }: StoreSettings, events: StoreEvents, openLink: OpenLink) {
    this.openLink = openLink;
    this.events = events;
    this.seeds = hosts.map(addressOf);
    for (const host of hosts) this.serverOf(host);
  }

  /** True if every key has a master that answers. */
  get isUp(): boolean {
    return (
      this.mastersNow.length > 0 &&
      this.mastersNow.every(({ isUp }) => isUp) &&
      !this.slots.includes(undefined)
    );
  }

  /** The masters. Which slots they have may change between two commands. */
  get masters(): readonly StoreServer[] {
    return this.mastersNow;
  }

  /** Changes each time that a connection is made, and that another server becomes a master. */
  get connections(): number {
    return this.changes;
  }

  /** The master that has a key now. */
  private masterOf(key: string): StoreServer | undefined {
    return this.slots[keySlot(key)];
  }

  /**
   * Sends a command about one key. Commands of one turn of the event loop go out together. No command is kept while the store is away.
   *
   * @param key of ASCII
   * @throws StoreAwayError if the store can't answer now, StoreRefusalError if it rejects the command
   */
  async call(key: string, command: StoreCommand): Promise<StoreReply> {
    let server = this.masterOf(key);
    let isAsking = false;
    for (let hops = 0; hops <= STORE_REDIRECTIONS_MAX; hops++) {
      if (server === undefined) throw new StoreAwayError(this.awayReason);
      try {
        // The flag that ASKING sets counts for the next command of the connection.
        if (isAsking) server.send(['ASKING']).catch(() => undefined);
        return await server.send(command);
      } catch (error) {
        if (!(error instanceof StoreRefusalError)) throw error;
        const [kind, , address = ''] = error.message.split(' ');
        if (kind !== 'MOVED' && kind !== 'ASK') throw this.refusalOf(error);
        server = this.serverOf(hostOf(address, server.host));
        isAsking = kind === 'ASK';
        if (!isAsking) this.refresh();
        await server.attempt;
      }
    }
    throw new StoreAwayError('its slots are moving');
  }

  /** Closes all connections. Commands without a reply are rejected. */
  close(): void {
    this.isClosed = true;
    clearTimeout(this.refreshTimer);
    for (const server of this.servers.values()) server.close();
    this.servers.clear();
    this.mastersNow = [];
    this.slots.fill(undefined);
  }

  /** A refusal that ends by itself means that the store is away. */
  private refusalOf(error: StoreRefusalError): Error {
    if (!/^(?:CLUSTERDOWN|LOADING|MASTERDOWN|READONLY|TRYAGAIN|BUSY) /.test(error.message)) return error;
    this.refresh();
    return new StoreAwayError(error.message);
  }

  private serverOf(host: StoreHost): StoreServer {
    const address = addressOf(host);
    const known = this.servers.get(address);
    if (known !== undefined) return known;
    const events: ServerEvents = {
      onUp: () => {
        this.changes++;
        this.refresh();
      },
      onAway: (server, reason) => {
        this.awayReason = `${address} is away: ${reason}`;
        if (this.mastersNow.length === 0 || this.mastersNow.includes(server)) {
          this.report();
          this.refresh();
        }
      },
    };
    const server = new StoreServer(host, this.openLink, events);
    this.servers.set(address, server);
    return server;
  }

  /** Requests the slots, and again later while a master is away. */
  private refresh(): void {
    if (this.isRefreshing || this.isClosed) return;
    this.isRefreshing = true;
    clearTimeout(this.refreshTimer);
    void this.requestSlots().finally(() => {
      this.isRefreshing = false;
      if (this.isClosed) return;
      this.report();
      if (!this.isUp) this.refreshTimer = setTimeout(() => this.refresh(), STORE_TOPOLOGY_MS);
    });
  }

  /** Requests the slots of one server, of another one each time: one that lost the others doesn't know what changed. */
  private async requestSlots(): Promise<void> {
    const up = [...this.servers.values()].filter(({ isUp }) => isUp);
    const server = up[this.refreshes++ % up.length];
    if (server === undefined) return;
    try {
      const isCluster = /^cluster_enabled:1/m.test(String(await server.send(['INFO', 'cluster'])));
      const whole = [{ from: 0, to: SLOTS - 1, host: server.host }];
      this.take(isCluster ? rangesOf(await server.send(['CLUSTER', 'SLOTS']), server.host) : whole);
    } catch (error) {
      this.awayReason = `${addressOf(server.host)}: ${(error as Error).message}`;
    }
  }

  /** Sets the masters of all slots, and closes the connections to servers that are no longer needed. */
  private take(ranges: readonly SlotRange[]): void {
    if (this.isClosed) return;
    this.slots.fill(undefined);
    for (const { from, to, host } of ranges) this.slots.fill(this.serverOf(host), from, to + 1);
    if (this.slots.includes(undefined)) this.awayReason = 'some slots have no master';
    const masters = new Set(this.slots.filter((server) => server !== undefined));
    if (!this.mastersNow.every((master) => masters.has(master))) this.changes++;
    this.mastersNow = [...masters];
    for (const [address, server] of this.servers) {
      if (this.seeds.includes(address) || this.mastersNow.includes(server)) continue;
      server.close();
      this.servers.delete(address);
    }
  }

  private report(): void {
    const { isUp } = this;
    if (isUp === this.wasUp || this.isClosed) return;
    // The first connections take a moment.
    if (!isUp && this.awayReason === CONNECTING) return;
    this.wasUp = isUp;
    if (isUp) this.events.onUp();
    else this.events.onAway(this.awayReason);
  }
}

/** Some slots, both ends included, and their master. */
interface SlotRange {
  readonly from: number;
  readonly to: number;
  readonly host: StoreHost;
}

/** @param asked the server that answered: it may leave out its own name */
function rangesOf(reply: StoreReply, asked: StoreHost): readonly SlotRange[] {
  return (reply as readonly [number, number, readonly [Buffer | null, number]][]).map(
    ([from, to, [name, port]]) => {
      const host = name === null ? '' : name.toString();
      return { from, to, host: { host: host === '' || host === '?' ? asked.host : host, port } };
    },
  );
}

/** @param asked the server that answered: an address without a name means its own */
function hostOf(address: string, asked: StoreHost): StoreHost {
  const [, name = '', port] = /^(.*):(\d+)$/.exec(address) ?? [];
  return { host: name === '' || name === '?' ? asked.host : name, port: Number(port) };
}

import type { Server } from '../server.js';

const INTERVAL_MS = 200;

/** Samples a server's resident memory, in 1,000,000 bytes. */
export class MemoryWatch {
  readonly beforeMegabytes: number;
  private highest: number;
  private readonly server: Server;
  private readonly timer: NodeJS.Timeout;

  constructor(server: Server) {
    this.server = server;
    this.beforeMegabytes = this.nowMegabytes;
    this.highest = this.beforeMegabytes;
    this.timer = setInterval(() => this.look(), INTERVAL_MS);
  }

  get nowMegabytes(): number {
    return this.server.memory.residentMegabytes;
  }

  get highestMegabytes(): number {
    this.look();
    return this.highest;
  }

  /** The peak since the last call, or since the beginning. */
  takeHighest(): number {
    const { highestMegabytes } = this;
    this.highest = 0;
    return highestMegabytes;
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    this.highest = Math.max(this.highest, this.nowMegabytes);
  }
}

import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CHILD_AGAIN_MS,
  CHILD_AGAIN_MS_MAX,
  CHILD_CHECK_MS,
  CHILD_HUNG_MS,
  CHILD_STALLED_MS,
  CHILD_STEADY_MS,
  CHILD_STOP_MS,
} from '../core/limits.js';
import type { TokenPool } from '../workers/token-pool.js';
import { Channel } from './channel.js';
import type { ChannelToChild, ChildNote, ChildQuestion, ChildSettings, Publication } from './messages.js';

/** V8 lets the young generation grow to 48 MB, and keeps it: what a request leaves fits into less. In MB, of one of three halves. */
const EXEC_ARGV = ['--max-semi-space-size=2'];

/** What the main process gives its children, and hears from them. */
export interface ChildrenParts {
  /** How many there are. */
  readonly count: number;
  /** The script that they run. */
  readonly script: string;
  readonly settings: () => Omit<ChildSettings, 'number'>;
  /** The state to answer from, as it is now. */
  readonly publication: () => Omit<Publication, 'number'>;
  /** The thread of a `tokenizer.json`, which counts for them; undefined if they count by themselves. */
  readonly tokens: TokenPool | undefined;
  /** How long a stop waits for the requests in flight of one, in ms. */
  readonly drainMs: number;
  /** Called with each connection that one was handed and didn't get: it died before, or had no file left for it. */
  readonly takeBack: (socket: Socket) => void;
  /** Called when one has died, with its number, why, and its last known metrics; it is replaced. */
  readonly onDeath: (number: number, reason: string, metrics: readonly object[]) => void;
}

/** The processes that answer beside the main one. */
export class Children {
  private readonly parts: ChildrenParts;
  private readonly children: Child[];
  private publications = 0;
  /** Whose turn it is to get the next connection: 0 is the main process. */
  private next = 0;
  private isStopping = false;
  private readonly timer: NodeJS.Timeout;
  /** How many have died and were replaced. */
  deaths = 0;

  constructor(parts: ChildrenParts) {
    this.parts = parts;
    this.children = Array.from({ length: parts.count }, (_, i) => this.started(i + 2));
    const check = () => {
      for (const child of this.children) child.check(parts.takeBack);
    };
    this.timer = setInterval(check, CHILD_CHECK_MS);
    this.timer.unref();
  }

  /** True if all answer from the current state. */
  get areReady(): boolean {
    return this.children.every(({ isReady, isStalled }) => isReady && !isStalled);
  }

  /**
   * Hands a connection to the next process, in turn.
   *
   * @returns false if it is the main process's own
   */
  handOver(socket: Socket): boolean {
    this.next = (this.next + 1) % (this.children.length + 1);
    const child = this.next === 0 ? undefined : this.children[this.next - 1];
    return !this.isStopping && child?.take(socket) === true;
  }

  /** Resolves when all children answer from the state as it is now, and from none before. */
  async publish(): Promise<void> {
    const number = ++this.publications;
    await Promise.all(this.children.map((child) => this.publishTo(child, number)));
  }

  /**
   * The metrics of each child, as prom-client's JSON: the last known ones of a child that can't collect them, or doesn't answer within
   * `CHILD_STALLED_MS`.
   */
  metrics(): Promise<readonly (readonly object[])[]> {
    return Promise.all(this.children.map((child) => child.metrics()));
  }

  /** Makes all children accept other API keys. */
  useKeys(keys: readonly string[]): void {
    for (const { channel } of this.children) channel.notify({ kind: 'keys', keys });
  }

  /** Lets all children answer what has arrived, and resolves when they have ended. One that doesn't end is killed. */
  async stop(): Promise<void> {
    this.isStopping = true;
    const kill = () => {
      for (const child of this.children) child.kill();
    };
    const killing = setTimeout(kill, this.parts.drainMs + CHILD_STOP_MS);
    await Promise.all(
      this.children.map(async (child) => {
        child.channel.notify({ kind: 'stop' });
        if (child.isStalled) child.kill();
        await child.exited;
      }),
    );
    clearTimeout(killing);
    clearInterval(this.timer);
  }

  private async publishTo(child: Child, number: number): Promise<void> {
    child.isReady = false;
    const publication = { ...this.parts.publication(), number };
    const hasAll = await child.channel.ask<boolean>({ kind: 'publish', publication }).catch(() => false);
    if (number === this.publications) child.isReady = hasAll;
  }

  private started(number: number, againMs = CHILD_AGAIN_MS): Child {
    const { script, settings, tokens, takeBack } = this.parts;
    const startMs = performance.now();
    const child = new Child(script, tokens);
    child.channel.notify({ kind: 'start', settings: { ...settings(), number } });
    void this.publishTo(child, this.publications);
    child.exited.then(async (reason) => {
      child.hasStarted = false;
      child.isReady = false;
      for (const socket of child.handed.values()) takeBack(socket);
      if (this.isStopping) return;
      this.deaths++;
      this.parts.onDeath(number, reason, child.lastMetrics);
      child.lastMetrics = [];
      const isSteady = performance.now() - startMs > CHILD_STEADY_MS;
      const waitMs = isSteady ? CHILD_AGAIN_MS : Math.min(CHILD_AGAIN_MS_MAX, againMs * 2);
      await sleep(waitMs, undefined, { ref: false });
      if (!this.isStopping) this.children[number - 2] = this.started(number, waitMs);
    });
    return child;
  }
}

/** One process that answers beside the main one. */
class Child {
  readonly channel: ChannelToChild;
  /** Resolves when the process has ended: how. */
  readonly exited: Promise<string>;
  /** True once it takes connections. */
  hasStarted = false;
  /** True if it answers from the current state. */
  isReady = false;

  /** Its metrics when they were last asked for, as prom-client's JSON. */
  lastMetrics: readonly object[] = [];
  /** The connections that it was handed and has not taken yet, by their ids. */
  readonly handed = new Map<number, Socket>();
  private count = 0;
  private readonly process: ChildProcess;
  /** When it was checked, if it has not answered since, in ms of a monotonic clock. */
  private checkedMs: number | undefined;

  constructor(script: string, tokens: TokenPool | undefined) {
    this.process = fork(script, { serialization: 'advanced', execArgv: EXEC_ARGV });
    this.exited = once(this.process, 'exit').then(([code, signal]) => signal ?? `exit code ${code}`);
    const question = (question: ChildQuestion) => countedBy(tokens, question);
    this.channel = new Channel(this.process, { note: (note) => this.receive(note), question });
  }

  /**
   * Hands it a connection, which stays open here until it has taken it.
   *
   * @returns false if it doesn't take connections
   */
  take(socket: Socket): boolean {
    const id = ++this.count;
    if (!this.hasStarted || this.isStalled || !this.channel.handOver({ kind: 'connection', id }, socket))
      return false;
    this.handed.set(id, socket);
    return true;
  }

  /** See `Children.metrics`. */
  async metrics(): Promise<readonly object[]> {
    const asked = this.channel.ask<readonly object[] | undefined>({ kind: 'metrics' }).catch(() => undefined);
    const now = await Promise.race([asked, sleep(CHILD_STALLED_MS, undefined, { ref: false })]);
    this.lastMetrics = now ?? this.lastMetrics;
    return this.lastMetrics;
  }

  /** True if it doesn't answer: it is stopped, or has been busy for a while. */
  get isStalled(): boolean {
    return this.unansweredMs > CHILD_STALLED_MS;
  }

  /**
   * Asks it whether it answers, and kills it if it hasn't for `CHILD_HUNG_MS`.
   *
   * @param takeBack called with each connection that it would have taken by now: a process without a free file doesn't get any
   */
  check(takeBack: (socket: Socket) => void): void {
    if (!this.hasStarted) return;
    if (this.checkedMs !== undefined) {
      if (this.unansweredMs > CHILD_HUNG_MS) this.kill();
      return;
    }
    this.checkedMs = performance.now();
    const handed = [...this.handed];
    const answered = () => {
      this.checkedMs = undefined;
      for (const [id, socket] of handed) if (this.handed.delete(id)) takeBack(socket);
    };
    this.channel.ask({ kind: 'check' }).then(answered, () => undefined);
  }

  /** Ends it at once. */
  kill(): void {
    this.process.kill('SIGKILL');
  }

  private get unansweredMs(): number {
    return this.checkedMs === undefined ? 0 : performance.now() - this.checkedMs;
  }

  private receive(note: ChildNote): void {
    if (note.kind === 'started') {
      this.hasStarted = true;
      return;
    }
    this.handed.get(note.id)?.destroy();
    this.handed.delete(note.id);
  }
}

async function countedBy(tokens: TokenPool | undefined, { task, values }: ChildQuestion): Promise<unknown> {
  assert(tokens !== undefined, 'only children with the tokenizer of a file ask');
  const run = tokens[task] as (this: TokenPool, ...values: unknown[]) => Promise<unknown>;
  return run.apply(tokens, values);
}

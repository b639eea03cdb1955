/**
 * The process of a client that reads many streams at once, and records how late or early each content chunk comes. It may share two cores
 * with the server that it measures: it writes prepared requests, reads into one buffer, and neither parses nor allocates while it records.
 *
 * Nearly all of its time is the kernel's: a read of each chunk. Two ways to fewer reads were tried. Reading most connections only a few times
 * a second moved the work of acknowledging to the server; sleeping between two polls saved nothing.
 */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { answer, taskOf } from '../own-process.js';
import { cpuMicrosecondsOf } from '../process-usage.js';
import { Random } from '../random.js';
import { ChunkCounter } from './chunk-counter.js';
import { ErrorSample, type TimingErrors } from './error-sample.js';

/** What to read, and for how long. */
export interface StreamsTask {
  readonly port: number;
  /** The server's process. */
  readonly pid: number;
  /** Whole requests, sent in turn. */
  readonly requests: readonly Uint8Array[];
  /** Each sends its next request soon after its answer has ended. */
  readonly connections: number;
  /** The time over which the first requests are spread. */
  readonly rampMs: number;
  /** How long is recorded, after all connections have begun. */
  readonly seconds: number;
  /** The times that the server was started with. */
  readonly timeToFirstMs: number;
  readonly gapMs: number;
}

/** What was recorded. */
export interface StreamsRun {
  readonly seconds: number;
  /** Content chunks. */
  readonly tokens: number;
  readonly bytes: number;
  /** From the request to its first content chunk. */
  readonly first: TimingErrors;
  /** From one content chunk to the next. */
  readonly gap: TimingErrors;
  /** From a stream's first content chunk to each later one. */
  readonly schedule: TimingErrors;
  readonly serverCpuMicroseconds: number;
  /** Of one core: close to 1, the client is the bottleneck, and not the server. */
  readonly clientCpuShare: number;
}

const READ_BYTES = 65_536;
const SEED = 7;
/** A connection waits up to this long before it asks again: else all requests would come in step with the server's timers. */
const PAUSE_MS = 10;
/** After the last connection has begun. */
const SETTLE_MS = 1000;
/** A server that is late may send more in the time that is recorded than is due in it. */
const ROOM = 2;

const task = await taskOf<StreamsTask>();
const { port, requests, connections, seconds, timeToFirstMs, gapMs } = task;
const random = new Random(SEED);
const capacity = Math.ceil((ROOM * connections * seconds * 1000) / gapMs);
const first = new ErrorSample(capacity);
const gap = new ErrorSample(capacity);
const schedule = new ErrorSample(capacity);
const buffer = Buffer.alloc(READ_BYTES);
let isRecording = false;
let tokens = 0;
let bytes = 0;
let asked = 0;

/** A connection, and the stream that it is reading. */
class StreamReader {
  private readonly counter = new ChunkCounter();
  private readonly socket: Socket;
  private askedMs = 0;
  private firstMs = 0;
  private lastMs = 0;
  /** Content chunks so far. */
  private chunks = 0;

  constructor() {
    const callback = (length: number) => this.read(length);
    // All connections share the buffer: what is read into it is counted before the next read.
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer, callback } });
    this.socket.once('close', () => {
      throw new Error('the server has closed a connection');
    });
  }

  async start(): Promise<void> {
    await once(this.socket, 'connect');
    this.ask();
  }

  stop(): void {
    this.socket.removeAllListeners('close').destroy();
  }

  private ask(): void {
    this.chunks = 0;
    const request = requests[asked++ % requests.length] as Uint8Array;
    this.askedMs = performance.now();
    this.socket.write(request);
  }

  private read(length: number): boolean {
    const nowMs = performance.now();
    const count = this.counter.count(buffer, length);
    if (isRecording) {
      tokens += count;
      bytes += length;
    }
    for (let i = 0; i < count; i++) this.take(nowMs);
    if (this.counter.isEnded) setTimeout(() => this.ask(), random.below(PAUSE_MS));
    return true;
  }

  /** Records one content chunk. */
  private take(nowMs: number): void {
    if (this.chunks === 0) this.firstMs = nowMs;
    if (isRecording) {
      if (this.chunks === 0) first.add(nowMs - this.askedMs - timeToFirstMs);
      else {
        gap.add(nowMs - this.lastMs - gapMs);
        schedule.add(nowMs - this.firstMs - this.chunks * gapMs);
      }
    }
    this.lastMs = nowMs;
    this.chunks++;
  }
}

const readers = await startAll();
await delay(SETTLE_MS);
const before = usage();
isRecording = true;
await delay(seconds * 1000);
isRecording = false;
const after = usage();
for (const reader of readers) reader.stop();
const elapsedMs = after.nowMs - before.nowMs;
answer({
  seconds: elapsedMs / 1000,
  tokens,
  bytes,
  first: first.summary,
  gap: gap.summary,
  schedule: schedule.summary,
  serverCpuMicroseconds: after.serverMicroseconds - before.serverMicroseconds,
  clientCpuShare: (after.ownMicroseconds - before.ownMicroseconds) / 1000 / elapsedMs,
} satisfies StreamsRun);

/** Starts the connections, spread over the ramp. */
async function startAll(): Promise<StreamReader[]> {
  const readers: StreamReader[] = [];
  const started: Promise<void>[] = [];
  const startMs = performance.now();
  while (readers.length < connections) {
    const share = task.rampMs === 0 ? 1 : (performance.now() - startMs) / task.rampMs;
    while (readers.length < Math.min(1, share) * connections) {
      const reader = new StreamReader();
      readers.push(reader);
      started.push(reader.start());
    }
    await delay(1);
  }
  await Promise.all(started);
  return readers;
}

function usage(): { nowMs: number; serverMicroseconds: number; ownMicroseconds: number } {
  const { user, system } = process.cpuUsage();
  return {
    nowMs: performance.now(),
    serverMicroseconds: cpuMicrosecondsOf(task.pid),
    ownMicroseconds: user + system,
  };
}

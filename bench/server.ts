import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { atExit } from './cleanup.js';
import { cpuMicrosecondsOf, type Memory, memoryOf } from './process-usage.js';

/** Between two questions whether a server is ready. */
const HEALTH_CHECK_MS = 50;

const program = fileURLToPath(new URL('../bundle/bin.js', import.meta.url));

/** How to start a server. */
export interface ServerCommand {
  /** The script and its arguments. */
  readonly args: readonly string[];
  /** What runs them; undefined for Node. */
  readonly program?: string;
  /** The port that the arguments set, for a server that doesn't print where it listens. Such a server answers `GET /health` once it is ready. */
  readonly port?: number;
  /** The file for its standard error, for a server that logs much; undefined to read it here. */
  readonly logPath?: string;
}

/**
 * Our server, without a cache and a log unless flags enable them. `main` is the script of another build.
 *
 * @param path undefined if flags say what is served
 */
export function verbatim(path: string | undefined, flags: readonly string[], main = program): ServerCommand {
  return {
    args: [
      main,
      ...(path === undefined ? [] : [path]),
      '--port',
      '0',
      '--cache-mb',
      '0',
      '--log-level',
      'warn',
      ...flags,
    ],
  };
}

/** Starts a server, passes it to `use`, and always stops it. */
export async function withServer<T>(command: ServerCommand, use: (server: Server) => Promise<T>): Promise<T> {
  const server = new Server(command);
  try {
    return await use(server);
  } finally {
    await server.stop();
  }
}

/** A server in its own process. */
export class Server {
  private readonly startMs = performance.now();
  private readonly child: ChildProcess;
  private readonly ended: Promise<unknown>;
  private readonly forget: () => void;
  private readonly news = new EventEmitter();
  private readonly port: number | undefined;
  private text = '';

  constructor({ args, program: runner = process.execPath, logPath, port }: ServerCommand) {
    this.port = port;
    const log = logPath === undefined ? 'pipe' : openSync(logPath, 'w');
    this.child = spawn(runner, args, { stdio: ['ignore', 'pipe', log] });
    if (typeof log === 'number') closeSync(log);
    this.ended = once(this.child, 'close');
    // Any number of requests may wait for the server to listen.
    this.news.setMaxListeners(0);
    this.forget = atExit(() => this.child.kill('SIGTERM'));
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.text += text;
        this.news.emit('text');
      });
    }
  }

  /** Seconds since the process was started. */
  get seconds(): number {
    return (performance.now() - this.startMs) / 1000;
  }

  /** The id of its process. */
  get pid(): number {
    return this.child.pid ?? 0;
  }

  get memory(): Memory {
    return memoryOf(this.pid);
  }

  /** CPU time of the process, in microseconds. */
  get cpuMicroseconds(): number {
    return cpuMicrosecondsOf(this.pid);
  }

  /** Its URL, as soon as it listens. */
  get url(): Promise<string> {
    return this.port === undefined ? this.printed(/listening on (\S+)/) : this.healthy(this.port);
  }

  /** True if the output so far matches. */
  hasPrinted(pattern: RegExp): boolean {
    return pattern.test(this.text);
  }

  /** Waits until the output matches; returns the pattern's first group. */
  async printed(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.text);
      if (found !== null) return found[1] ?? '';
      if (this.child.exitCode !== null)
        throw new Error(`the server ended before it printed ${pattern}: ${this.text}`);
      await Promise.race([once(this.news, 'text'), this.ended]);
    }
  }

  /** Waits until a server at a port answers. */
  private async healthy(port: number): Promise<string> {
    const url = `http://127.0.0.1:${port}`;
    for (;;) {
      const isHealthy = await fetch(`${url}/health`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (isHealthy) return url;
      if (this.child.exitCode !== null) throw new Error(`the server ended before it listened: ${this.text}`);
      await delay(HEALTH_CHECK_MS);
    }
  }

  /** Requests a chat completion as soon as the server listens, and reads the whole answer. */
  async ask(prompt: string, expectedStatus: number): Promise<void> {
    const answer = await fetch(`${await this.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ messages: [{ role: 'user', content: prompt }] }),
    });
    const body = await answer.text();
    if (answer.status !== expectedStatus)
      throw new Error(`expected status ${expectedStatus}, got ${answer.status}: ${body}`);
  }

  async stop(): Promise<void> {
    this.forget();
    await this.ended;
  }
}

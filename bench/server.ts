import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../cli/main.js', import.meta.url));

/** What a process takes of main memory, in 1,000,000 bytes; not a number where the system doesn't tell. */
export interface Memory {
  readonly residentMegabytes: number;
  /** The highest it ever was. */
  readonly peakMegabytes: number;
}

/** Starts the server as people do, hands it to `use`, and stops it whatever happens. Flags go before the defaults here. */
export async function withServer<T>(
  path: string,
  flags: readonly string[],
  use: (server: Server) => Promise<T>,
): Promise<T> {
  const server = new Server(path, flags);
  try {
    return await use(server);
  } finally {
    await server.stop();
  }
}

/** A server process of its own, without a cache. */
export class Server {
  private readonly startMs = performance.now();
  private readonly child: ChildProcess;
  private readonly ended: Promise<unknown>;
  private text = '';

  constructor(path: string, flags: readonly string[]) {
    const defaults = ['--port', '0', '--cache-mb', '0', '--log-level', 'warn'];
    const args = [program, path, ...defaults, ...flags];
    this.child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.ended = once(this.child, 'close');
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.text += text;
      });
    }
  }

  /** Seconds since the process was started. */
  get seconds(): number {
    return (performance.now() - this.startMs) / 1000;
  }

  get memory(): Memory {
    const { pid } = this.child;
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      const megabytes = (name: string) =>
        (Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024) / 1e6;
      return { residentMegabytes: megabytes('VmRSS'), peakMegabytes: megabytes('VmHWM') };
    } catch {
      return { residentMegabytes: Number.NaN, peakMegabytes: Number.NaN };
    }
  }

  /** Waits until the server has printed something; returns the pattern's first group. */
  async printed(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.text);
      if (found !== null) return found[1] ?? '';
      if (this.child.exitCode !== null)
        throw new Error(`the server ended before it printed ${pattern}: ${this.text}`);
      const events = [this.child.stdout, this.child.stderr].map(
        (stream) => stream && once(stream, 'data').catch(() => undefined),
      );
      await Promise.race([...events, this.ended]);
    }
  }

  /** Asks for a chat completion, as soon as the server listens, and reads all of the answer. */
  async ask(prompt: string, expectedStatus: number): Promise<void> {
    const url = await this.printed(/listening on (\S+)/);
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ messages: [{ role: 'user', content: prompt }] }),
    });
    const body = await answer.text();
    if (answer.status !== expectedStatus)
      throw new Error(`expected status ${expectedStatus}, got ${answer.status}: ${body}`);
  }

  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    await this.ended;
  }
}

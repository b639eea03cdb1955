import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../cli/main.js', import.meta.url));

/** What one run of the server cost. Seconds count from the start of the process, or of the request. */
export interface ServerFigures {
  readonly readySeconds: number;
  /** Until conversations and turns were known. */
  readonly countedSeconds: number;
  readonly missSeconds: number;
  /** The highest resident memory of the process, in 1,000,000 bytes; not a number where the system doesn't tell. */
  readonly peakMegabytes: number;
}

/** Starts the server on a dataset, without a cache, and asks it for a prompt that it doesn't have. */
export async function measureServer(path: string, workers: string): Promise<ServerFigures> {
  const startMs = performance.now();
  const seconds = () => (performance.now() - startMs) / 1000;
  const args = [program, path, '--port', '0', '--workers', workers, '--cache-mb', '0', '--log-level', 'warn'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = new Lines(child);
  const url = await lines.find(/listening on (\S+)/);
  const readySeconds = seconds();
  await lines.find(/(\d+) turns/);
  const countedSeconds = seconds();
  const missStart = seconds();
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'This prompt stands in no dataset.' }] }),
  });
  if (answer.status !== 404) throw new Error(`expected a miss, got ${answer.status}`);
  const missSeconds = seconds() - missStart;
  const peakMegabytes = peakOf(child);
  child.kill('SIGTERM');
  await once(child, 'close');
  return { readySeconds, countedSeconds, missSeconds, peakMegabytes };
}

/** What a process prints, to wait for. */
class Lines {
  private readonly child: ChildProcess;
  private text = '';

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.text += text;
    });
  }

  async find(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.text);
      if (found !== null) return found[1] as string;
      if (this.child.exitCode !== null) throw new Error(`the server ended before it printed ${pattern}`);
      await Promise.race([
        once(this.child.stdout as NodeJS.ReadableStream, 'data'),
        once(this.child, 'exit'),
      ]);
    }
  }
}

function peakOf({ pid }: ChildProcess): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return (Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024) / 1e6;
  } catch {
    return Number.NaN;
  }
}

/** The server in its own process, as people run it. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { atEndOfFile } from './end-of-file.js';

/** The program's file. */
export const program = fileURLToPath(new URL('../../dist/bundle/bin.js', import.meta.url));
assertBundled();

/** Calls back when a process is to be killed. */
type Lifetime = (kill: () => Promise<void>) => void;

/** A started process. It is killed after the test, unless it has another lifetime. */
export class ServerProcess {
  private readonly child: ChildProcess;
  /** Its output so far. */
  stdout = '';
  stderr = '';
  /** Settles with the exit code, or the name of the signal that ended it. */
  readonly exited: Promise<number | string>;

  constructor(
    command: string,
    args: readonly string[],
    env: Record<string, string> = {},
    cwd?: string,
    stdin: 'ignore' | 'pipe' = 'ignore',
    lifetime: Lifetime = onTestFinished,
  ) {
    this.child = spawn(command, args, {
      stdio: [stdin, 'pipe', 'pipe'],
      // A tokenizer takes a second of CPU to load: tests that need one enable it.
      env: { ...process.env, DATASET: '', PORT: '0', USAGE: 'estimate', ...env },
      ...(cwd !== undefined && { cwd }),
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.exited = once(this.child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
    lifetime(async () => {
      this.child.kill('SIGKILL');
      await this.exited;
    });
  }

  /** Waits until the output matches; fails if the process exits first. */
  async waitFor(pattern: RegExp, stream: 'stdout' | 'stderr' = 'stdout'): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this[stream]);
      if (found !== null) return found;
      const written = once(this.child[stream] as NodeJS.ReadableStream, 'data').then(() => false);
      const ended = await Promise.race([written, this.exited.then(() => true)]);
      if (ended && !pattern.test(this[stream])) {
        throw new Error(`ended before ${pattern}:\n${this.stdout}${this.stderr}`);
      }
    }
  }

  /** The base URL, once the server listens. */
  async url(): Promise<string> {
    return (await this.waitFor(/listening on (http:\S+)/))[1] as string;
  }

  /** Waits until the server accepts no more connections. */
  async waitForRefusal(url: string): Promise<void> {
    const isTaken = () =>
      fetch(`${url}/health`).then(
        () => true,
        () => false,
      );
    while (await isTaken());
  }

  /** The process's id. */
  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Its resident memory in MB; 0 if the system doesn't report it. */
  get residentMegabytes(): number {
    try {
      const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
      return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1000;
    } catch {
      return 0;
    }
  }

  /** Closes its standard output: the next line goes into a broken pipe. */
  closeStdout(): void {
    this.child.stdout?.destroy();
  }

  /** Pauses or resumes reading its log. */
  pauseStderr(): void {
    this.child.stderr?.pause();
  }

  resumeStderr(): void {
    this.child.stderr?.resume();
  }

  /** Closes its log: the next line goes into a broken pipe. */
  closeStderr(): void {
    this.child.stderr?.destroy();
  }

  /** Writes to its standard input, and ends it unless there is more. */
  input(content: string | Uint8Array, isAll = true): void {
    if (isAll) this.child.stdin?.end(content);
    else this.child.stdin?.write(content);
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

/** Starts the server on a free port. It is stopped after the test. */
export function startServer(args: readonly string[] = [], env: Record<string, string> = {}): ServerProcess {
  return new ServerProcess(process.execPath, [program, ...args], env);
}

/** The same for all tests of a file: a start takes most of a second of CPU. */
export function startShared(args: readonly string[] = [], env: Record<string, string> = {}): ServerProcess {
  return new ServerProcess(process.execPath, [program, ...args], env, undefined, 'ignore', atEndOfFile);
}

/** The same with a pipe as its standard input. */
export function startPiped(args: readonly string[], env: Record<string, string> = {}): ServerProcess {
  return new ServerProcess(process.execPath, [program, ...args], env, undefined, 'pipe');
}

/** Fails if the modules were compiled after they were bundled: the program would be another one than that of the tests of modules. */
function assertBundled(): void {
  const [compiled, bundled] = ['../../dist/index.js', '../../dist/bundle/index.js'].map(
    (path) => statSync(new URL(path, import.meta.url)).mtimeMs,
  ) as [number, number];
  if (compiled > bundled) throw new Error('dist/bundle is out of date: run npm run build:bundle');
}

/** The program: runs the command that it is told, and says in one line why it can't. */

import { constants } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import type { Logger } from 'pino';
import { ConfigError, type Settings, WORKERS_DEFAULT } from '../config.js';
import { CommandError } from '../core/errors.js';
import { SIGNAL_AGAIN_MS } from '../core/limits.js';
import type { Progress } from '../http/progress.js';
import { readCommandLine } from './command-line.js';
import { escapeAllControls } from './control-characters.js';
import { VERSION } from './manifest.js';
import { ProgressBar } from './progress-bar.js';

/** `defect` is what sysexits.h calls EX_SOFTWARE. */
const EXIT = { ok: 0, failed: 1, badSettings: 2, defect: 70, bySignal: 128 } as const;

// Ignore EPIPE and other write errors.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const bar = process.stderr.isTTY ? new ProgressBar(process.stderr) : undefined;
const NO_PROGRESS: Progress = { show: () => {}, end: () => {} };
/** Writes what belongs above the progress bar, if one is shown. */
const above = (write: () => void): void => (bar === undefined ? write() : bar.above(write));

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  try {
    const { isTTY, columns } = process.stdout;
    const command = readCommandLine(args, process.env, isTTY ? columns : undefined);
    switch (command.kind) {
      case 'help':
        process.stdout.write(`${command.text}\n`);
        return EXIT.ok;
      case 'version':
        print(VERSION);
        return EXIT.ok;
      case 'serve':
        return await run(command);
      case 'check':
        return await runCheck(command.path);
    }
  } catch (error) {
    if (error instanceof ConfigError) return fail(error.message, EXIT.badSettings);
    if (error instanceof CommandError) return fail(error.message, EXIT.failed);
    throw error;
  }
}

async function run({ config, sourceOf }: Settings): Promise<never> {
  // Listens for signals first, and loads the rest after that: it takes a while.
  const signal = toldToStop();
  const onHangup = hangups();
  // By itself, V8 lets garbage grow to three times what is in use before it looks for it: a cache that is full, and whose entries come
  // and go, took 360 MB where it takes 230 now, and no more time. It may grow by so many percent.
  setFlagsFromString('--heap-growing-percent=60');
  const { serve } = await import('../http/serve.js');
  let logger: Logger | undefined;
  // The state is unknown after a defect: a supervisor restarts the process.
  process.on('uncaughtException', (error) => {
    bar?.end();
    try {
      if (logger !== undefined) logger.fatal({ err: error }, 'defect; exiting');
      else process.stderr.write(`verbatim: ${error.stack ?? error}\n`);
    } finally {
      process.exit(EXIT.defect);
    }
  });
  const loadLogger = async () => {
    const { createLogger } = await import('./logger.js');
    logger = createLogger(config, (act) => process.on('exit', act), above);
    return logger;
  };
  await serve(config, { sourceOf, bar, loadLogger, print, version: VERSION, signal, onHangup });
  // A process that ends by itself removes its signal handlers first: a second signal would end it without its exit code.
  process.exit(EXIT.ok);
}

async function runCheck(path: string): Promise<number> {
  const { check } = await import('./check.js');
  print(await check(path, WORKERS_DEFAULT, bar ?? NO_PROGRESS));
  return EXIT.ok;
}

/** Aborted by the first SIGINT or SIGTERM. One that comes `SIGNAL_AGAIN_MS` later, or after that, ends the process at once. */
function toldToStop(): AbortSignal {
  const controller = new AbortController();
  let firstMs: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      firstMs ??= performance.now();
      if (performance.now() - firstMs >= SIGNAL_AGAIN_MS) endBy(signal);
      controller.abort(signal);
    });
  }
  return controller.signal;
}

/** Ends the process as the signal does by default; as the first one of a container, which has no default, as a shell would tell it. */
function endBy(signal: 'SIGINT' | 'SIGTERM'): never {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  process.exit(EXIT.bySignal + constants.signals[signal]);
}

/**
 * Registers what is to be done at SIGHUP. A terminal that is closed sends it, too: there the server ends, as all programs do.
 */
function hangups(): (act: () => void) => void {
  const acts: (() => void)[] = [];
  if (!process.stdin.isTTY) process.on('SIGHUP', () => acts.forEach((act) => void act()));
  return (act) => void acts.push(act);
}

function print(line: string): void {
  above(() => void process.stdout.write(`${escapeAllControls(line)}\n`));
}

function fail(problem: string, code: number): number {
  process.stderr.write(`verbatim: ${escapeAllControls(problem)}\n`);
  return code;
}

/** The program: runs the command given, and prints one line if it fails. */

import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { escapeAllControls } from '../core/control-characters.js';
import { CommandError } from '../core/errors.js';
import { SIGNAL_AGAIN_MS } from '../core/limits.js';
import type { Progress } from '../http/progress.js';
import type { Listening } from '../http/serving.js';
import { abortedText } from '../http/start-lines.js';
import { ConfigError } from '../settings/config-error.js';
import type { CheckSettings, Settings } from '../settings/read-settings.js';
import { type CommandLine, readCommandLine } from './command-line.js';
import type { index } from './indexing.js';
import type { ShownAs } from './looking.js';
import { VERSION } from './manifest.js';
import { EXIT, exitOnDefect, ignoreWriteErrors, limitHeap } from './own-process.js';
import { ProgressBar } from './progress-bar.js';
import type { RunningCommand } from './recording.js';
import { Stdin } from './stdin.js';

ignoreWriteErrors();

const stdin = new Stdin();

const bar = process.stderr.isTTY ? new ProgressBar(process.stderr) : undefined;
const NO_PROGRESS: Progress = { show: () => {}, end: () => {} };
/** Writes above the progress bar, if one is shown. */
const above = (write: () => void): void => (bar === undefined ? write() : bar.above(write));

/** The log, once there is one. */
let loggerNow: Logger | undefined;

/** Work on a dataset: returns a line about it. */
type Work = typeof index;

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
        return await run(command, command.printsUrl);
      case 'record':
        return await runRecording(command, command.words);
      case 'index':
        return await runEach(command, async () => (await import('./indexing.js')).index);
      case 'load':
        return await runEach(command, async () => (await import('./loading.js')).loadDataset);
      case 'check':
        return await runCheck(command.settings, command.isJson);
      case 'show':
        return await runShow(command.settings, command.number, command.as);
      case 'stats':
        return await runStats(command.settings, command.isJson);
      case 'search':
        return await runSearch(command);
      case 'convert':
        return await runConvert(command);
      case 'prune':
        return await runPrune(command);
    }
  } catch (error) {
    if (error instanceof ConfigError) return fail(error.message, EXIT.badSettings);
    if (error instanceof CommandError) return fail(error.message, EXIT.failed);
    throw error;
  }
}

async function run(settings: Settings, printsUrl: boolean): Promise<never> {
  // Handle signals before loading the rest, which takes a while.
  let inFlight = () => 0;
  const signal = stopSignal((name) =>
    loggerNow?.warn({ inFlight: inFlight() }, abortedText(name, inFlight())),
  );
  await serveUntil(signal, settings, printsUrl ? () => {} : print, (listening) => {
    inFlight = listening.inFlight;
    if (printsUrl) print(listening.url);
  });
  // Exit explicitly: if the process ended by itself, Node would first remove the signal handlers, and a second signal would change the exit
  // code.
  process.exit(EXIT.ok);
}

/** Serves until a signal aborts. */
async function serveUntil(
  signal: AbortSignal,
  { config, sourceOf }: Settings,
  printLine: (line: string) => void,
  onListening: (listening: Listening) => void,
): Promise<void> {
  const onHangup = hangups();
  const dataset = await stdin.replaceIn(config.dataset, signal);
  const { serve } = await import('../http/serve.js');
  exitOnDefect(
    () => loggerNow,
    () => bar?.end(),
  );
  const loadLogger = async () => {
    const { createLogger } = await import('./logger.js');
    loggerNow = createLogger(config, (act) => process.on('exit', act), above);
    return loggerNow;
  };
  await serve(
    { ...config, dataset },
    {
      sourceOf,
      version: VERSION,
      bar,
      loadLogger,
      print: printLine,
      signal,
      onHangup,
      onListening: (listening) => {
        limitHeap();
        onListening(listening);
      },
      childScript: fileURLToPath(new URL('./child.js', import.meta.url)),
    },
  );
}

/** Serves recordings while a command runs, and ends with its exit code. */
async function runRecording(settings: Settings, words: readonly string[]): Promise<never> {
  const { recordedText, runCommand } = await import('./recording.js');
  const stop = new AbortController();
  let running: RunningCommand | undefined;
  let counts: Listening['counts'] | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // A terminal has sent it to the command, too. Without a command, the start is given up.
      if (running === undefined) stop.abort(signal);
      else if (signal === 'SIGTERM' || !process.stdin.isTTY) running.kill(signal);
    });
  }
  let code: number = EXIT.failed;
  await serveUntil(
    stop.signal,
    settings,
    () => {},
    (listening) => {
      counts = listening.counts;
      running = runCommand(words, listening, process.env, warn);
      void running.ended.then((ended) => {
        code = ended;
        stop.abort('SIGTERM');
      });
    },
  );
  if (counts !== undefined) warn(recordedText(counts(), settings.config.recordTo ?? ''));
  process.exit(code);
}

/** Works on one dataset after the other, prints a line about each, and ends at the first that fails. */
async function runEach(settings: Settings, loadWork: () => Promise<Work>): Promise<number> {
  const signal = stopSignal(() => undefined);
  const work = await loadWork();
  try {
    for (const spec of settings.config.dataset) {
      print(await work(spec, settings, bar ?? NO_PROGRESS, warn, signal));
    }
    return EXIT.ok;
  } catch (error) {
    if (signal.aborted) endBy(signal.reason);
    throw error;
  }
}

/** Checks each dataset, and reports those that can't be served among the others. */
async function runCheck(settings: CheckSettings, isJson: boolean): Promise<number> {
  const { check } = await import('./check.js');
  const { checkText } = await import('./check-text.js');
  const { isWhole } = await import('./check-report.js');
  await removeFoldersAtEnd();
  let code: number = EXIT.ok;
  const { workers, prefer, split: splits } = settings;
  for (const { path, map = settings.map } of await stdin.replaceIn(settings.dataset)) {
    try {
      const report = await check(
        path,
        { workers, shapes: { prefers: prefer, map }, splits },
        bar ?? NO_PROGRESS,
      );
      for (const line of isJson ? [JSON.stringify(report)] : checkText(report)) print(line);
      if (code === EXIT.ok && !isWhole(report)) code = EXIT.skipped;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      code = fail(error.message, EXIT.failed);
    }
  }
  return code;
}

/** Prints a conversation. */
async function runShow(settings: CheckSettings, number: number, as: ShownAs): Promise<number> {
  const { show } = await import('./looking.js');
  await removeFoldersAtEnd();
  for (const spec of await stdin.replaceIn(settings.dataset)) {
    const lines = await show(spec, number, as, settings, bar ?? NO_PROGRESS);
    // A program that reads it gets the record's own bytes.
    if (as === 'raw' && !process.stdout.isTTY) process.stdout.write(`${lines.join('')}\n`);
    else for (const line of lines.flatMap((each) => each.split('\n'))) print(line);
  }
  return EXIT.ok;
}

/** Prints what is in a dataset. */
async function runStats(settings: CheckSettings, isJson: boolean): Promise<number> {
  const { stats } = await import('./looking.js');
  await removeFoldersAtEnd();
  for (const spec of await stdin.replaceIn(settings.dataset)) {
    for (const line of await stats(spec, isJson, settings, bar ?? NO_PROGRESS)) print(line);
  }
  return EXIT.ok;
}

/** Prints the turns that are found, and on a terminal how much was read. */
async function runSearch({
  settings,
  search: wanted,
  limit,
  as,
}: Extract<CommandLine, { readonly kind: 'search' }>): Promise<number> {
  const { search } = await import('./looking.js');
  const { searchedText } = await import('./looking-text.js');
  await removeFoldersAtEnd();
  // The reader of the lines may want no more of them.
  const leaving = new AbortController();
  process.stdout.on('error', () => leaving.abort());
  let code: number = EXIT.notFound;
  for (const spec of await stdin.replaceIn(settings.dataset)) {
    const startMs = performance.now();
    const printFound = (line: string) => above(() => process.stdout.write(`${line}\n`));
    const count = await search(
      spec,
      wanted,
      limit,
      as,
      settings,
      bar ?? NO_PROGRESS,
      printFound,
      leaving.signal,
    );
    if (count.turns > 0) code = EXIT.ok;
    const seconds = (performance.now() - startMs) / 1000;
    if (bar !== undefined) process.stderr.write(`${searchedText(count, seconds)}\n`);
  }
  return code;
}

/** Writes a dataset as JSON lines, and says so unless they go to a program. */
async function runConvert({
  settings,
  target,
  format,
}: Extract<CommandLine, { readonly kind: 'convert' }>): Promise<number> {
  const { convert } = await import('./converting.js');
  const { Replacement, removeUnfinished } = await import('../dataset/replacement.js');
  await removeFoldersAtEnd(removeUnfinished);
  for (const spec of await stdin.replaceIn(settings.dataset)) {
    const converted = (write: (text: string) => Promise<void>) =>
      convert(spec, format, settings, bar ?? NO_PROGRESS, write);
    if (target === undefined) {
      const line = await converted(writeOut);
      if (bar !== undefined) process.stderr.write(`${escapeAllControls(stdin.shownIn(line))}\n`);
      continue;
    }
    const file = await Replacement.begin(target);
    await file.orDiscard(async () => {
      const line = await converted((text) => file.write(text));
      await file.finish();
      print(line);
    });
  }
  return EXIT.ok;
}

/** Writes to standard output, and waits until it is written. The reader may want no more of it: that ends the process. */
function writeOut(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (!error) return resolve();
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') process.exit(EXIT.ok);
      reject(new CommandError(`standard output can't be written (${code})`));
    });
  });
}

/** Drops recordings. A signal ends it before the file is replaced, or once nothing that was appended meanwhile can be lost. */
async function runPrune({
  path,
  options,
}: Extract<CommandLine, { readonly kind: 'prune' }>): Promise<number> {
  const { pruneRecordings } = await import('./pruning.js');
  const { removeUnfinished } = await import('../dataset/replacement.js');
  const signal = stopSignal(removeUnfinished);
  try {
    print(await pruneRecordings(path, options, signal));
    return EXIT.ok;
  } catch (error) {
    if (signal.aborted) endBy(signal.reason);
    throw error;
  }
}

/**
 * Removes temporary folders if a signal ends the command.
 *
 * @param removeMore called then, too
 */
async function removeFoldersAtEnd(removeMore = () => {}): Promise<void> {
  const { removeTemporaryFolders } = await import('../dataset/temporary-folders.js');
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      bar?.end();
      removeTemporaryFolders();
      removeMore();
      endBy(signal);
    });
  }
}

/**
 * Aborted by the first SIGINT or SIGTERM. Another one, at least `SIGNAL_AGAIN_MS` later, ends the process at once.
 *
 * @param onEnd called before that
 */
function stopSignal(onEnd: (signal: string) => void): AbortSignal {
  const controller = new AbortController();
  let firstMs: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      firstMs ??= performance.now();
      if (performance.now() - firstMs >= SIGNAL_AGAIN_MS) {
        bar?.end();
        onEnd(signal);
        endBy(signal);
      }
      controller.abort(signal);
    });
  }
  return controller.signal;
}

/**
 * Ends the process as the signal does by default. PID 1 of a container has no default: it exits with the code that a shell would report.
 */
function endBy(signal: 'SIGINT' | 'SIGTERM'): never {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  process.exit(EXIT.bySignal + constants.signals[signal]);
}

/** Registers a handler for SIGHUP. Closing a terminal sends SIGHUP, too: then the server ends, as all programs do. */
function hangups(): (act: () => void) => void {
  const acts: (() => void)[] = [];
  if (!process.stdin.isTTY) process.on('SIGHUP', () => acts.forEach((act) => void act()));
  return (act) => void acts.push(act);
}

function print(line: string): void {
  above(() => void process.stdout.write(`${escapeAllControls(stdin.shownIn(line))}\n`));
}

function fail(problem: string, code: number): number {
  warn(problem);
  return code;
}

function warn(problem: string): void {
  above(() => void process.stderr.write(`verbatim: ${escapeAllControls(stdin.shownIn(problem))}\n`));
}

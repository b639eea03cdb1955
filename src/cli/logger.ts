import { createRequire } from 'node:module';
import { type Logger, pino } from 'pino';
import type { Config } from '../config.js';
import { LOG_AGAIN_MS, LOG_BYTES_MAX, LOG_EXIT_WAITS } from '../core/limits.js';
import { escapeControls } from './control-characters.js';

/**
 * The log, on the standard error output: one object of JSON a line, or, on a terminal, text for people. Lines are written at once, so
 * that a process that ends has logged everything. Where that isn't possible (a pipe whose reader has stopped, a full disk), up to
 * `LOG_BYTES_MAX` wait; later lines are dropped, and their number is logged once there is room again.
 *
 * @param atExit takes what writes the last lines, to be run when the process exits
 */
export function createLogger(
  { logFormat, logLevel }: Pick<Config, 'logFormat' | 'logLevel'>,
  atExit: (act: () => void) => void,
): Logger {
  if (logLevel === 'silent') return pino({ level: logLevel }, { write: () => {} });
  // Node makes a pipe non-blocking when `process.stderr` is first read: a write to a full one fails with EAGAIN, and never blocks.
  const { isTTY } = process.stderr;
  let waits = 0;
  const retryEAGAIN = () => waits > 0 && waits-- > 0;
  const lines = pino.destination({ fd: 2, sync: true, maxLength: LOG_BYTES_MAX, retryEAGAIN });
  let isRetrying = false;
  // A log that can't be written doesn't keep the server from answering. The next write, of nothing if need be, writes what waits.
  lines.on('error', () => {
    if (isRetrying) return;
    isRetrying = true;
    setTimeout(() => {
      isRetrying = false;
      lines.write('');
    }, LOG_AGAIN_MS).unref();
  });
  let dropped = 0;
  lines.on('drop', () => {
    if (dropped++ > 0) return;
    lines.once('drain', () => {
      const count = dropped;
      dropped = 0;
      logger.warn({ lines: count }, 'log lines dropped');
    });
  });
  atExit(() => {
    // Not `flushSync`, which never returns from a full disk.
    waits = LOG_EXIT_WAITS;
    lines.write('');
  });
  const format = logFormat === 'pretty' || (logFormat === 'auto' && isTTY) ? prettyFormat(isTTY) : undefined;
  const write = (line: string) => lines.write(escapeControls(format?.(line) ?? line));
  const logger = pino({ level: logLevel }, { write });
  return logger;
}

/** Loaded only where it is needed: it takes a while. */
function prettyFormat(colorize: boolean): (line: string) => string {
  const { prettyFactory } = createRequire(import.meta.url)('pino-pretty') as typeof import('pino-pretty');
  return prettyFactory({ colorize, ignore: 'pid,hostname' });
}

import { createRequire } from 'node:module';
import { type Logger, pino } from 'pino';
import type { Config } from '../config.js';
import { LOG_BYTES_MAX } from '../core/limits.js';

/**
 * The log, on the standard error output. Lines are written at once, so that a process that ends has told all: one object of JSON a
 * line, or, on a terminal, for people.
 */
export function createLogger({ logFormat, logLevel }: Pick<Config, 'logFormat' | 'logLevel'>): Logger {
  const isPretty = logFormat === 'pretty' || (logFormat === 'auto' && process.stderr.isTTY);
  const lines = isPretty ? prettyLines() : pino.destination({ fd: 2, sync: true, maxLength: LOG_BYTES_MAX });
  // That the log can't be written, as on a full disk, is no reason not to answer.
  lines.on('error', () => undefined);
  return pino({ level: logLevel }, lines);
}

/** Loaded only where it is needed: it takes a while. */
function prettyLines() {
  const pretty = createRequire(import.meta.url)('pino-pretty') as typeof import('pino-pretty');
  return pretty({ destination: 2, sync: true, colorize: process.stderr.isTTY, ignore: 'pid,hostname' });
}

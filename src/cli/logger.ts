import { createRequire } from 'node:module';
import { type Logger, pino } from 'pino';
import { escapeControls } from '../core/control-characters.js';
import { CommandError } from '../core/errors.js';
import { LOG_AGAIN_MS, LOG_BYTES_MAX, LOG_EXIT_WAITS, LOG_TOGETHER_LENGTH } from '../core/limits.js';
import { conversionText } from '../http/conversion.js';
import { requestText } from '../http/request-log.js';
import { stoppingText } from '../http/start-lines.js';
import { summaryText } from '../http/summary-text.js';
import type { Config } from '../settings/table.js';

/**
 * The log, on standard error: JSON lines, or text for people on a terminal. Lines are written synchronously, so that a process that exits
 * has logged everything; those of requests that end in one turn of the event loop are written together at its end. If a write fails (the
 * reader of the pipe stopped, the disk is full), up to `LOG_BYTES_MAX` are buffered; later lines are dropped, and their number is logged once
 * there is room again.
 *
 * @param atExit registers a function that writes the last lines, to run when the process exits
 * @param above runs each write, and keeps it apart from a progress bar
 */
export function createLogger(
  { logFormat, logLevel }: Pick<Config, 'logFormat' | 'logLevel'>,
  atExit: (act: () => void) => void,
  above: (write: () => void) => void = (write) => write(),
): Logger {
  if (logLevel === 'silent') return pino({ level: logLevel }, { write: () => {} });
  // Node makes a pipe non-blocking when `process.stderr` is first read: a write to a full one fails with EAGAIN, and never blocks.
  const { isTTY } = process.stderr;
  let waits = 0;
  const retryEAGAIN = () => waits > 0 && waits-- > 0;
  const lines = pino.destination({ fd: 2, sync: true, maxLength: LOG_BYTES_MAX, retryEAGAIN });
  let isRetrying = false;
  // A log that can't be written doesn't stop the server from answering. The next write, an empty one if need be, flushes the buffer.
  lines.on('error', () => {
    if (isRetrying) return;
    isRetrying = true;
    setTimeout(() => {
      isRetrying = false;
      lines.write('');
    }, LOG_AGAIN_MS).unref();
  });
  let dropped = 0;
  lines.on('drop', (text: string) => {
    const isFirst = dropped === 0;
    dropped += text.split('\n').length - 1;
    if (!isFirst) return;
    lines.once('drain', () => {
      const count = dropped;
      dropped = 0;
      logger.warn({ lines: count }, 'log lines dropped');
    });
  });
  let waiting = '';
  const writeWaiting = () => {
    const text = waiting;
    waiting = '';
    if (text !== '') above(() => void lines.write(text));
  };
  atExit(() => {
    // Not `flushSync`, which never returns from a full disk.
    waits = LOG_EXIT_WAITS;
    writeWaiting();
    lines.write('');
  });
  const format = logFormat === 'pretty' || (logFormat === 'auto' && isTTY) ? prettyFormat(isTTY) : undefined;
  const stream = {
    // With this, pino sets `lastMsg` to the message of the line.
    [Symbol.for('pino.metadata')]: true,
    lastMsg: '',
    write: (line: string) => {
      if (waiting === '' && stream.lastMsg === 'request') setImmediate(writeWaiting);
      waiting += escapeControls(format?.(line) ?? line);
      // The process may be killed after any other line.
      if (stream.lastMsg !== 'request' || waiting.length >= LOG_TOGETHER_LENGTH) writeWaiting();
    },
  };
  const logger = pino({ level: logLevel, serializers: { err: errorFields } }, stream);
  return logger;
}

/** Expected errors have no stack: it says nothing to the people who read the log. */
function errorFields(error: Error): object {
  return error instanceof CommandError
    ? { type: error.name, message: error.message }
    : pino.stdSerializers.err(error);
}

/** Log messages whose fields form a sentence of their own for people. */
const SENTENCES: Readonly<Record<string, (fields: never) => string>> = {
  converted: conversionText,
  request: requestText,
  stopping: stoppingText,
  stopped: summaryText,
};

/** Loads pino-pretty only if it is needed: loading is slow. */
function prettyFormat(colorize: boolean): (line: string) => string {
  const { prettyFactory } = createRequire(import.meta.url)('pino-pretty') as typeof import('pino-pretty');
  const options = { colorize, ignore: 'pid,hostname' };
  const format = prettyFactory({ ...options, singleLine: true });
  const messageFormat = (fields: object) => {
    const sentence = SENTENCES[(fields as { msg: string }).msg] as (fields: object) => string;
    return sentence(fields);
  };
  const formatSentence = prettyFactory({ ...options, hideObject: true, messageFormat });
  return (line) => {
    const fields = JSON.parse(line) as { readonly msg?: string };
    return (Object.hasOwn(SENTENCES, fields.msg ?? '') ? formatSentence : format)(fields);
  };
}

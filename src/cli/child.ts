/** A process that answers beside the main one, which starts it: see `processes/children.ts`. */

import { setFlagsFromString } from 'node:v8';
import type { Logger } from 'pino';
import { answerBeside } from '../http/beside.js';
import { createLogger } from './logger.js';
import { EXIT, HEAP_GROWTH } from './process-flags.js';

setFlagsFromString(HEAP_GROWTH);
// The main process gets them, too, and says when to stop.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
// Ignore EPIPE and other write errors.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

let logger: Logger | undefined;
process.on('uncaughtException', (error) => {
  try {
    if (logger !== undefined) logger.fatal({ err: error }, 'defect; exiting');
    else process.stderr.write(`verbatim: ${error.stack ?? error}\n`);
  } finally {
    process.exit(EXIT.defect);
  }
});

const orphaned = new AbortController();
process.on('disconnect', () => orphaned.abort());

await answerBeside({
  loadLogger: ({ config, number }) => {
    logger = createLogger(config, (act) => process.on('exit', act)).child({ thread: number });
    return logger;
  },
  orphaned: orphaned.signal,
});
process.exit(EXIT.ok);

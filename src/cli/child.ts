/** A process that answers beside the main one, which starts it: see `processes/children.ts`. */

import type { Logger } from 'pino';
import { answerBeside } from '../http/beside.js';
import { createLogger } from './logger.js';
import { EXIT, exitOnDefect, ignoreWriteErrors, limitHeap } from './own-process.js';

limitHeap();
ignoreWriteErrors();
// The main process gets them, too, and says when to stop.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

let logger: Logger | undefined;
exitOnDefect(() => logger);

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

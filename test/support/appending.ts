/** A file that another thread appends to. */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { onTestFinished } from 'vitest';

const CODE = `
  const { appendFileSync } = require('node:fs');
  const { parentPort, workerData: { path, text } } = require('node:worker_threads');
  appendFileSync(path, text);
  parentPort.postMessage('begun');
  setInterval(() => appendFileSync(path, text), 1);
`;

/** Appends a text to a file, again and again until the test ends. Resolves once it is there. */
export async function keepAppending(path: string, text: string): Promise<void> {
  const writer = new Worker(CODE, { eval: true, workerData: { path, text } });
  onTestFinished(async () => void (await writer.terminate()));
  await once(writer, 'message');
}

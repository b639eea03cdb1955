/** Saved indexes with the tokens of every turn, as a server has them once it was idle for a while. */

import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cacheFolder } from '../dataset.js';
import { say } from '../progress.js';
import { verbatim, withServer } from '../server.js';

const COUNTED = /tokens (?:are )?counted/;

/** A dataset, and the flags that make a server of ours load its index. */
export interface PreparedDataset {
  readonly path: string;
  readonly indexFlags: readonly string[];
}

/** Makes the index of a dataset in the cache folder, unless it is there. Takes 42 s for 678 MB the first time. */
export async function prepareDataset(path: string): Promise<PreparedDataset> {
  const folder = join(cacheFolder(), `index-${basename(path, '.json')}`);
  mkdirSync(folder, { recursive: true });
  const indexFlags = ['--index-dir', folder];
  const flags = ['--engine', 'index', ...indexFlags, '--log-level', 'info'];
  await withServer(verbatim(path, flags), async (server) => {
    await server.url;
    if (!server.hasPrinted(COUNTED)) say(`counting the tokens of ${basename(path)}\n`);
    // What was counted is saved, at the latest when the server is stopped.
    await server.printed(COUNTED);
  });
  return { path, indexFlags };
}

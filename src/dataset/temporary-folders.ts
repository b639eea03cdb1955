import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRunning } from './spool-owner.js';

const TEMPORARY = 'verbatim-spool-';

/** Makes a temporary folder for spools, and removes those of processes that were killed. */
export function temporaryFolder(): string {
  const parent = tmpdir();
  for (const name of readdirSync(parent)) {
    const [, pid] = new RegExp(`^${TEMPORARY}(\\d+)-`).exec(name) ?? [];
    if (pid !== undefined && !isRunning(Number(pid)))
      rmSync(join(parent, name), { recursive: true, force: true });
  }
  const folder = mkdtempSync(join(parent, `${TEMPORARY}${process.pid}-`));
  temporaryFolders.add(folder);
  return folder;
}

const temporaryFolders = new Set<string>();

/** Removes the temporary folders of this process. */
export function removeTemporaryFolders(): void {
  for (const folder of temporaryFolders) rmSync(folder, { recursive: true, force: true });
  temporaryFolders.clear();
}

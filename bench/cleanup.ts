/** What must not outlive this process, however it ends: servers, temporary folders, worktrees. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const cleanups = new Set<() => void>();

/** Runs an act when this process ends, unless what is returned is called before; that runs it at once. */
export function atExit(act: () => void): () => void {
  const once = () => {
    if (cleanups.delete(once)) act();
  };
  cleanups.add(once);
  return once;
}

/** Makes a folder for as long as this process runs. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'verbatim-bench-'));
  atExit(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Makes signals end this process as `process.exit` does: by default they end it without a last word. */
export function exitOnSignals(): void {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.once(signal, () => process.exit(code));
  }
}

process.on('exit', () => {
  for (const cleanup of [...cleanups].reverse()) cleanup();
});

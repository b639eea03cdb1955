/** Resources that must not outlive this process, however it exits: servers, temporary folders, worktrees. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const cleanups = new Set<() => void>();

/** Registers a cleanup for process exit. The returned function runs it at once and unregisters it. */
export function atExit(act: () => void): () => void {
  const once = () => {
    if (cleanups.delete(once)) act();
  };
  cleanups.add(once);
  return once;
}

/** Creates a folder that is removed when this process exits. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'verbatim-bench-'));
  atExit(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Makes signals exit this process through `process.exit`: by default no exit handlers run. */
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

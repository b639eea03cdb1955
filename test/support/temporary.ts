import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEndOfFile } from './end-of-file.js';

/** A folder that is removed after the test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'verbatim-'));
  // A browser's processes may still write there after it has exited.
  afterEndOfFile(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 }));
  return folder;
}

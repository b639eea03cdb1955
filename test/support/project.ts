/** The tree under test. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OPTIONS } from '#dist/settings/table.js';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A file of it, as text. */
export function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The version in its manifest. */
export const VERSION = (JSON.parse(read('package.json')) as { version: string }).version;

/** The environment variables that are settings. */
export const SETTINGS: readonly string[] = Object.values(OPTIONS).map(({ env }) => env);

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from './project.js';

/** Environment in which npm downloads only packages missing from its cache. */
export const OFFLINE_FIRST = { npm_config_prefer_offline: 'true' } as const;

/**
 * Environment in which `npm ci` links this project's packages where its manifest and lock file are used; everything else is npm's. Use it
 * only after a first, real install.
 *
 * @param folder for the command that replaces npm
 * @param built the output of an earlier build of the same sources, which `npm run build:server` then copies
 */
export function shelvedNpm(folder: string, built?: string): Record<string, string> {
  const program = fileURLToPath(new URL('shelved-npm.mjs', import.meta.url));
  mkdirSync(folder);
  writeFileSync(join(folder, 'npm'), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
  chmodSync(join(folder, 'npm'), 0o755);
  const path = process.env.PATH ?? '';
  const shelf = { NPM_PATH: path, SHELF: ROOT, ...(built !== undefined && { BUILT: built }) };
  return { ...OFFLINE_FIRST, PATH: `${folder}:${path}`, ...shelf };
}

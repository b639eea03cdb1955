/**
 * Runs npm, except that `npm ci` hard-links the packages of the project `SHELF` if those were installed from the same manifest and
 * lock file, and `npm run build:server` copies the folder `BUILT` if there is one. Downloading, unpacking and building the same again would
 * verify nothing new. `NPM_PATH` is the `PATH` that has npm itself.
 */

import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

const { SHELF = '', BUILT, NPM_PATH } = process.env;
/** npm writes this file last. Callers touch it, so it is copied. */
const HIDDEN_LOCK = '.package-lock.json';

const args = process.argv.slice(2);
const prefix = args.indexOf('--prefix');
const root = prefix < 0 ? '.' : args[prefix + 1];
if (args.includes('ci') && isOnShelf()) {
  rmSync(join(root, 'node_modules'), { recursive: true, force: true });
  const locked = packagesIn(join(root, 'package-lock.json'));
  const isOmitted = (name) => args.includes('--omit=dev') && locked[`node_modules/${name}`]?.dev === true;
  // Besides the commands, tools keep files with a leading dot there.
  const isInstalled = (name) => (!name.startsWith('.') || name === '.bin') && !isOmitted(name);
  link(join(SHELF, 'node_modules'), join(root, 'node_modules'), isInstalled);
  copyFileSync(join(SHELF, 'node_modules', HIDDEN_LOCK), join(root, 'node_modules', HIDDEN_LOCK));
} else if (args.includes('run') && args.at(-1) === 'build:server' && BUILT !== undefined) {
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  cpSync(BUILT, join(root, 'dist'), { recursive: true });
} else {
  const { status } = spawnSync('npm', args, { stdio: 'inherit', env: { ...process.env, PATH: NPM_PATH } });
  process.exitCode = status ?? 1;
}

/** True if `npm ci` would install here what the shelf has. */
function isOnShelf() {
  const isSame = (name) => readFileSync(join(root, name)).equals(readFileSync(join(SHELF, name)));
  if (!isSame('package.json') || !isSame('package-lock.json')) return false;
  try {
    const locked = packagesIn(join(root, 'package-lock.json'));
    const installed = packagesIn(join(SHELF, 'node_modules', HIDDEN_LOCK));
    const isInstalled = ([path, entry]) =>
      path === '' || entry.optional === true || entry.devOptional === true || path in installed;
    return (
      Object.entries(locked).every(isInstalled) &&
      Object.entries(installed).every(([path, entry]) => isDeepStrictEqual(entry, locked[path]))
    );
  } catch {
    return false;
  }
}

function packagesIn(path) {
  return JSON.parse(readFileSync(path, 'utf8')).packages;
}

function link(from, to, isWanted = () => true) {
  mkdirSync(to);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (!isWanted(entry.name)) continue;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) link(source, target);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else linkOrCopy(source, target);
  }
}

function linkOrCopy(source, target) {
  try {
    linkSync(source, target);
  } catch (error) {
    // Another file system.
    if (error.code !== 'EXDEV') throw error;
    copyFileSync(source, target);
  }
}

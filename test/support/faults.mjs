/**
 * Faults for a server process started with `--import` of this file, in all of its threads. Each fault happens when a file of its name
 * exists in the folder `FAULTS`. A thread fault happens once per file, in the first worker that then reads the dataset; a disk fault
 * happens in every thread while the file exists.
 */

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

const folder = process.env.FAULTS ?? '';
const { existsSync, openSync, readFileSync, readSync, unlinkSync } = fs;
const { open } = fs.promises;

/** Faults that end a thread, or one of its tasks. */
const DEATHS = {
  exit: () => process.exit(3),
  trap: () => {
    throw new WebAssembly.RuntimeError('unreachable');
  },
  'out-of-memory': () => {
    for (const all = []; ; ) all.push(Array.from({ length: 1000 }, () => ({})));
  },
};

/** Removes the file; true for the one caller that succeeds. */
function take(name) {
  try {
    unlinkSync(join(folder, name));
    return true;
  } catch {
    return false;
  }
}

function failIf(name, code, syscall) {
  if (existsSync(join(folder, name)))
    throw Object.assign(new Error(`${code}: a fault, ${syscall}`), { code, syscall });
}

/** Faults where the main thread reads the dataset for a lookup. */
const MAIN_FAULTS = {
  'main-trap': DEATHS.trap,
  'main-defect': () => {
    throw new TypeError('a defect of a lookup');
  },
  // This error looks like a request's, but isn't.
  'main-recursion': function again() {
    again();
  },
  'main-status': () => {
    throw Object.assign(new Error('a defect with a status'), { status: 404 });
  },
};

fs.readSync = (...args) => {
  if (isMainThread) for (const [name, fail] of Object.entries(MAIN_FAULTS)) if (take(name)) fail();
  if (!isMainThread) for (const [name, die] of Object.entries(DEATHS)) if (take(name)) die();
  failIf('eio', 'EIO', 'read');
  if (!isMainThread) failIf('worker-eio', 'EIO', 'read');
  return readSync(...args);
};

fs.readFileSync = (path, ...args) => {
  if (String(path).endsWith('_base.bin')) failIf('vocabulary', 'EMFILE', 'open');
  return readFileSync(path, ...args);
};

fs.openSync = (...args) => {
  failIf('emfile', 'EMFILE', 'open');
  return openSync(...args);
};

fs.promises.open = async (...args) => {
  const file = await open(...args);
  const { writeFile } = file;
  file.writeFile = async (...data) => {
    failIf('enospc', 'ENOSPC', 'write');
    return writeFile.apply(file, data);
  };
  return file;
};

// In the main thread, on a signal that the server doesn't use.
if (isMainThread) {
  process.on('SIGUSR2', () => {
    throw new Error('a defect');
  });
}

syncBuiltinESMExports();

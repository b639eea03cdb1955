#!/usr/bin/env node
/**
 * The command. Checks the version of Node.js before it loads the program, whose files are syntax errors in older versions. This file uses
 * only syntax that older versions know, and no top-level await.
 */

import { OLDEST_NODE } from './manifest.js';

const { node } = process.versions;
if (isOlder(node, OLDEST_NODE)) {
  process.stderr.write(`verbatim: expected Node.js ${OLDEST_NODE} or newer, found ${node}\n`);
  process.exitCode = 1;
} else {
  import('./main.js');
}

/** Compares the major and minor numbers of versions. */
function isOlder(version: string, oldest: string): boolean {
  const [major, minor] = numbers(version);
  const [oldestMajor, oldestMinor] = numbers(oldest);
  return major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
}

function numbers(version: string): [number, number] {
  const [major, minor] = version.split('.').map(Number);
  return [major as number, minor as number];
}

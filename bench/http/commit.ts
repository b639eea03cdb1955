/** A commit of this repository, built in its own worktree, and its servers. */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { atExit, temporaryFolder } from '../cleanup.js';
import { say } from '../progress.js';
import { type Server, type ServerCommand, verbatim, withServer } from '../server.js';

/** A server that uses less than this share of a core for this long has finished counting. */
const IDLE_SHARE = 0.05;
const IDLE_SECONDS = 4;

/** The short id of a commit; undefined if it doesn't exist. */
export function commitOf(name: string): string | undefined {
  try {
    const args = ['rev-parse', '--verify', '--quiet', '--short', '--end-of-options', `${name}^{commit}`];
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

/** Builds a commit; returns the script that starts its server. */
export function buildOf(commit: string): string {
  const tree = join(temporaryFolder(), commit);
  say(`building ${commit}\n`);
  run('git', ['worktree', 'add', '--detach', '--quiet', tree, commit], process.cwd());
  atExit(() => spawnSync('git', ['worktree', 'remove', '--force', tree]));
  run('npm', ['ci', '--no-audit', '--no-fund', '--silent'], tree);
  run('npm', ['run', 'build', '--silent'], tree);
  // Earlier commits have no bundle.
  const bundled = join(tree, 'dist/bundle/bin.js');
  return existsSync(bundled) ? bundled : join(tree, 'dist/cli/main.js');
}

/**
 * Builds the index of a build, with its tokens counted; returns the servers without and with a cache.
 *
 * @param main the script that starts its server; undefined for that of this tree
 */
export async function serversOf(path: string, main?: string): Promise<[ServerCommand, ServerCommand]> {
  const flags = ['--engine', 'index', '--index-dir', temporaryFolder()];
  await withServer(verbatim(path, flags, main), untilIdle);
  return [verbatim(path, flags, main), verbatim(path, [...flags, '--cache-mb', '64'], main)];
}

function run(program: string, args: readonly string[], cwd: string): void {
  execFileSync(program, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Waits until a server has counted its tokens. Not every commit logs that, but each is idle afterwards. */
async function untilIdle(server: Server): Promise<void> {
  await server.url;
  let idleSeconds = 0;
  while (idleSeconds < IDLE_SECONDS) {
    const before = server.cpuMicroseconds;
    await sleep(1000);
    const share = (server.cpuMicroseconds - before) / 1e6;
    // If the system doesn't report CPU time, the share is NaN and this loop runs until its time limit.
    idleSeconds = share >= IDLE_SHARE ? 0 : idleSeconds + 1;
  }
}

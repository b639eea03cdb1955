/** The process that writes a spool, or has a claim: a file names it, and it touches the file regularly. */

import { readFileSync, readlinkSync } from 'node:fs';
import { open, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { SPOOL_BEGIN_MS, SPOOL_IDLE_MS } from '../core/limits.js';
import { isSystemError } from './file.js';

/** Bytes that are read of a file to learn whose it is. */
const OWNER_BYTES = 512;

/** A process. Process ids are reused: a container's first process is always number 1. */
interface SpoolOwner {
  /** The running system and its namespace of process ids: a process id means nothing in another one. */
  readonly system: string;
  readonly pid: number;
  /** When the process started, in clock ticks of the system; empty where there is no `/proc`. */
  readonly started: string;
}

/** This process. */
export function thisOwner(): SpoolOwner {
  return { system: systemName(), pid: process.pid, started: statOf('self')?.started ?? '' };
}

/** Removes a file that begins with the JSON of its owner, if that has ended. A file that is missing, or that another user owns, stays as it is. */
export async function removeAbandoned(path: string): Promise<void> {
  try {
    // The clocks of two machines may differ.
    const idleMs = Math.abs(Date.now() - (await stat(path)).mtimeMs);
    const head = Buffer.alloc(OWNER_BYTES);
    const file = await open(path);
    try {
      await file.read(head, 0, head.length, 0);
    } finally {
      await file.close();
    }
    const owner = JSON.parse(/^\{.*?\}/.exec(head.toString())?.[0] ?? '{}') as Partial<SpoolOwner>;
    if (isGone(owner, idleMs)) await rm(path, { force: true });
  } catch (error) {
    if (!isSystemError(error) && !(error instanceof SyntaxError)) throw error;
  }
}

/**
 * True if a spool's owner has ended.
 *
 * @param owner what the file says of it
 * @param idleMs how long ago the file was last written or touched
 */
function isGone({ system, pid, started }: Partial<SpoolOwner>, idleMs: number): boolean {
  if (system === undefined || pid === undefined) return idleMs > SPOOL_BEGIN_MS;
  return idleMs > SPOOL_IDLE_MS || (system === systemName() && hasEnded(pid, started));
}

function hasEnded(pid: number, started: string | undefined): boolean {
  if (!isRunning(pid)) return true;
  const now = statOf(pid);
  // Another user's process may be hidden.
  if (now === undefined) return false;
  return now.started !== started || ENDED_STATES.includes(now.state);
}

/** True if a process with that id exists. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isSystemError(error) && error.code === 'EPERM';
  }
}

/** The states of a process that has ended and waits for its parent: zombie, dead. */
const ENDED_STATES = 'ZXx';

/** Where fields of `/proc/PID/stat` are, after the name of the program. */
const STATE = 0;
const STARTED = 19;

function statOf(pid: number | 'self'): { readonly state: string; readonly started: string } | undefined {
  const stat = orUndefined(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (stat === undefined) return undefined;
  // The name is in parentheses, and may have blanks and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[STATE] ?? '', started: fields[STARTED] ?? '' };
}

function systemName(): string {
  const boot = orUndefined(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  const namespace = orUndefined(() => readlinkSync('/proc/self/ns/pid'));
  return boot === undefined || namespace === undefined ? hostname() : `${boot} ${namespace}`;
}

/** What `read` returns; undefined if the system has no such file. */
function orUndefined(read: () => string): string | undefined {
  try {
    return read();
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

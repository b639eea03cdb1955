/**
 * Drops recordings from a file. Those that are kept are written to another file, which then takes its place. A process that appends to it
 * meanwhile loses nothing: what was appended is copied before and after that, and `AppendFile` looks whether the file was replaced after each
 * line that it has written.
 */

import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { CUT_LINE_IDLE_MS } from '../core/limits.js';
import { isObject } from '../core/objects.js';
import { DatasetError } from '../dataset/dataset-error.js';
import { isSystemError, saysFull } from '../dataset/file.js';
import { Replacement } from '../dataset/replacement.js';
import { AppendFile } from './append-file.js';
import { type Line, linesOf } from './lines.js';
import { repair } from './repair.js';
import { type Summary, summaryOf } from './summary.js';
import { journalPathOf, parseUse } from './use-journal.js';

/** What is dropped besides duplicates and what wasn't used. */
export interface PruneOptions {
  /** Drops what was recorded before that time, in ms since 1970; undefined to drop nothing for its age. */
  readonly beforeMs: number | undefined;
  /** True to change nothing. */
  readonly isDry: boolean;
}

/** What was dropped, or would be. */
export interface Pruned {
  readonly kept: number;
  /** Recordings of requests that were recorded again later, and lines that are there again later. */
  readonly duplicates: number;
  /** Recordings that were never used. */
  readonly unused: number;
  /** Recordings from before the given time. */
  readonly early: number;
  readonly droppedBytes: number;
  /** Lines that a crash has cut: they are moved to the file that a repair moves them to. */
  readonly cut: number;
  /** False if there is no journal, without which nothing counts as unused. */
  readonly hasJournal: boolean;
}

/**
 * Prunes a file of recordings. A recording is unused if the journal doesn't have it, although it was there when a process began that has used
 * others.
 *
 * @param signal aborts it, unless the file is replaced already
 * @throws DatasetError if the file can't be read or replaced, or isn't JSON lines; the reason of the signal
 */
export async function prune(path: string, options: PruneOptions, signal?: AbortSignal): Promise<Pruned> {
  try {
    return await pruneFile(await realpath(path), options, signal);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const problem = error.code === 'ENOENT' ? 'there is no such file' : `it can't be pruned (${error.code})`;
    throw new DatasetError(path, saysFull(error.code) ? 'the disk is full' : problem, undefined, true);
  }
}

async function pruneFile(
  path: string,
  { beforeMs, isDry }: PruneOptions,
  signal: AbortSignal | undefined,
): Promise<Pruned> {
  if (!(await stat(path)).isFile()) throw new DatasetError(path, "it isn't a regular file");
  const { lines: cut } = await repair(path, isDry);
  const uses = await readUses(journalPathOf(path));
  const file = await open(path);
  try {
    const { end, last } = await lastLines(file, signal);
    const reasonOf = (line: Line, summary: Summary) =>
      reasonToDrop(summary, last.get(summary.key) === line.start, beforeMs, uses);
    const { counts, ids } = await count(file, end, reasonOf, signal);
    if (!isDry && counts.droppedBytes > 0)
      await replace(path, file, end, (line, summary) => reasonOf(line, summary) === undefined, signal);
    if (!isDry && uses !== undefined) await keepUses(path, uses, ids);
    return { ...counts, cut: cut.length, hasJournal: uses !== undefined };
  } finally {
    await file.close();
  }
}

type Reason = 'duplicates' | 'early' | 'unused';

function reasonToDrop(
  { recorded }: Summary,
  isLast: boolean,
  beforeMs: number | undefined,
  uses: Uses | undefined,
): Reason | undefined {
  if (!isLast) return 'duplicates';
  if (recorded === undefined) return undefined;
  if (beforeMs !== undefined && recorded.ms < beforeMs) return 'early';
  return uses !== undefined && !uses.sinceOf.has(recorded.id) && recorded.ms < uses.lastMs
    ? 'unused'
    : undefined;
}

/** Where the last line of each key begins, and where the last line ends that is whole. The last of all may lack its line feed. */
async function lastLines(
  file: FileHandle,
  signal: AbortSignal | undefined,
): Promise<{ end: number; last: ReadonlyMap<string, number> }> {
  const last = new Map<string, number>();
  let end = 0;
  for await (const lines of linesOf(file)) {
    signal?.throwIfAborted();
    for (const line of lines) {
      if (!line.isEnded && !isObjectText(line.bytes.toString())) continue;
      const summary = summaryOf(line.bytes);
      if (summary !== undefined) last.set(summary.key, line.start);
      end = line.start + lengthOf(line);
    }
  }
  return { end, last };
}

function isObjectText(text: string): boolean {
  try {
    return isObject(JSON.parse(text));
  } catch {
    return false;
  }
}

/** The bytes of a line with its line feed, if it has one. */
function lengthOf({ bytes, isEnded }: Line): number {
  return bytes.length + (isEnded ? 1 : 0);
}

/** What is kept, and what is dropped for each reason; and the ids of the recordings that are kept. */
async function count(
  file: FileHandle,
  end: number,
  reasonOf: (line: Line, summary: Summary) => Reason | undefined,
  signal: AbortSignal | undefined,
) {
  const counts = { kept: 0, duplicates: 0, unused: 0, early: 0, droppedBytes: 0 };
  const ids = new Set<string>();
  const isKept: IsKept = (line, summary) => {
    const reason = reasonOf(line, summary);
    counts[reason ?? 'kept']++;
    if (reason !== undefined) counts.droppedBytes += lengthOf(line);
    else if (summary.recorded !== undefined) ids.add(summary.recorded.id);
    return false;
  };
  for await (const _ of keptLines(file, end, isKept, signal));
  return { counts, ids };
}

type IsKept = (line: Line, summary: Summary) => boolean;

/** The lines that are kept, with their line feeds, some at a time. */
async function* keptLines(
  file: FileHandle,
  end: number,
  isKept: IsKept,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void> {
  for await (const lines of linesOf(file, 0, end)) {
    signal?.throwIfAborted();
    const kept = lines.filter((line) => {
      const summary = summaryOf(line.bytes);
      return summary !== undefined && isKept(line, summary);
    });
    yield Buffer.concat(kept.flatMap(({ bytes }) => [bytes, LINE_FEED]));
  }
}

const LINE_FEED = Buffer.from('\n');

/**
 * Replaces a file by its lines that are kept, and what is appended meanwhile.
 *
 * @param file the open file
 * @param end where the lines end that are looked at
 */
async function replace(
  path: string,
  file: FileHandle,
  end: number,
  isKept: IsKept,
  signal: AbortSignal | undefined,
): Promise<void> {
  const replaced = await file.stat();
  const target = await Replacement.begin(path);
  let copied = end;
  await target.orDiscard(async () => {
    for await (const bytes of keptLines(file, end, isKept, signal)) await target.write(bytes);
    for await (const lines of linesOf(file, end)) {
      for (const { bytes, start, isEnded } of lines) {
        if (!isEnded) continue;
        await target.write(Buffer.concat([bytes, LINE_FEED]));
        copied = start + bytes.length + 1;
      }
    }
    await target.finish(replaced);
  });
  await copyRest(file, copied, path);
}

/** Appends what was appended to a file before it was replaced. A line that isn't ended is awaited for as long as it may take. */
async function copyRest(file: FileHandle, from: number, path: string): Promise<void> {
  const { size } = await file.stat();
  if (size <= from) return;
  const rest = Buffer.alloc(size - from);
  await file.read(rest, 0, rest.length, from);
  if (rest.at(-1) !== LINE_FEED[0]) {
    await setTimeout(CUT_LINE_IDLE_MS);
    if ((await file.stat()).size > size) return copyRest(file, from, path);
  }
  const next = await AppendFile.open(path);
  try {
    await next.append(rest.at(-1) === LINE_FEED[0] ? rest : Buffer.concat([rest, LINE_FEED]));
  } finally {
    await next.close();
  }
}

/** What a journal says. */
interface Uses {
  /** The last time at which each id was noted. */
  readonly sinceOf: ReadonlyMap<string, string>;
  /** The last of all, in ms since 1970. */
  readonly lastMs: number;
}

async function readUses(path: string): Promise<Uses | undefined> {
  let file: FileHandle;
  try {
    file = await open(path);
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const sinceOf = new Map<string, string>();
    let last = '';
    for await (const lines of linesOf(file)) {
      for (const { bytes } of lines) {
        const use = parseUse(bytes.toString());
        if (use === undefined) continue;
        if (use.since > (sinceOf.get(use.id) ?? '')) sinceOf.set(use.id, use.since);
        if (use.since > last) last = use.since;
      }
    }
    return { sinceOf, lastMs: last === '' ? 0 : Date.parse(last) };
  } finally {
    await file.close();
  }
}

/** Replaces the journal by the last use of each recording that is kept. */
async function keepUses(path: string, { sinceOf }: Uses, ids: ReadonlySet<string>): Promise<void> {
  const journal = journalPathOf(path);
  const replaced = await stat(journal);
  const target = await Replacement.begin(journal, 0o600);
  await target.orDiscard(async () => {
    for (const [id, since] of sinceOf) {
      if (ids.has(id)) await target.write(`${since} ${JSON.stringify(id)}\n`);
    }
    await target.finish(replaced);
  });
}

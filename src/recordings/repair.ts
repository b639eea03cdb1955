/**
 * Repairs a file of recordings that a crash has left with a line that isn't JSON. Such a line is copied to another file, and its bytes are
 * overwritten with spaces: a blank line means nothing in JSON lines. Neither cutting the file nor replacing it would be safe, since another
 * process may append to it at any moment.
 */

import { appendFile, type FileHandle, open } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { CUT_LINE_IDLE_MS } from '../core/limits.js';
import { isObject } from '../core/objects.js';
import { DatasetError } from '../dataset/dataset-error.js';
import { type Line, LongLineError, linesOf, overwrite } from './lines.js';
import { LINE_END, LINE_END_BYTES, LINE_START } from './recording.js';

/** What a repair has found. */
export interface Repair {
  /** The numbers of the lines that were moved, from 1. */
  readonly lines: readonly number[];
  /** The file that they were moved to. */
  readonly path: string;
}

/** The path of the file that broken lines of a file are moved to. */
function cutPathOf(path: string): string {
  return `${path}.cut`;
}

/**
 * Repairs a file of JSON lines. Lines that seem whole aren't parsed.
 *
 * @param path it exists
 * @param isDry true to change nothing
 * @throws DatasetError if it isn't JSON lines: it is an array, or has lines that no crash explains. Nothing is changed then
 */
export async function repair(path: string, isDry = false): Promise<Repair> {
  const file = await open(path, isDry ? 'r' : 'r+');
  try {
    const found = await brokenLines(file, path);
    const broken = isDry ? [] : found;
    for (const { bytes } of broken) {
      await appendFile(cutPathOf(path), Buffer.concat([bytes, LINE_FEED]), { mode: 0o600 });
    }
    for (const { bytes, start } of broken) await overwrite(file, start, bytes.length);
    return { lines: found.map(({ number }) => number), path: cutPathOf(path) };
  } finally {
    await file.close();
  }
}

const LINE_FEED = Buffer.from('\n');

interface BrokenLine {
  readonly number: number;
  readonly bytes: Buffer;
  readonly start: number;
}

async function brokenLines(file: FileHandle, path: string): Promise<readonly BrokenLine[]> {
  const broken: BrokenLine[] = [];
  let number = 0;
  let start = 0;
  try {
    for (;;) {
      let unended: BrokenLine | undefined;
      for await (const lines of linesOf(file, start)) {
        for (const line of lines) {
          number++;
          if (isWhole(line)) continue;
          const found = { number, bytes: Buffer.from(line.bytes), start: line.start };
          if (!isCut(line)) throw new DatasetError(path, `line ${number} isn't a JSON object; ${EXPECTED}`);
          if (line.isEnded) broken.push(found);
          else unended = found;
        }
      }
      if (unended === undefined) return broken;
      const { start: begun, bytes } = unended;
      // Another process may be writing it.
      await setTimeout(CUT_LINE_IDLE_MS);
      if ((await file.stat()).size === begun + bytes.length) return [...broken, unended];
      start = begun;
      number--;
    }
  } catch (error) {
    if (!(error instanceof LongLineError)) throw error;
    throw new DatasetError(path, `line ${number + 1} is too long; ${EXPECTED}`);
  }
}

const EXPECTED = 'recordings are appended to JSON lines, a JSON object in each line';

const BYTE_ORDER_MARK = '\ufeff';

/** True if a line is blank or a JSON object. What a crash hasn't cut isn't parsed. */
function isWhole({ bytes }: Line): boolean {
  if (hasEnds(bytes)) return true;
  const text = bytes.toString().replace(BYTE_ORDER_MARK, '').trim();
  if (text === '') return true;
  try {
    return isObject(JSON.parse(text));
  } catch {
    return false;
  }
}

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** True if a line begins and ends as its kind does: a recording, which may be cut after any brace, or any other object. */
function hasEnds(bytes: Buffer): boolean {
  if (bytes[0] !== OPEN_BRACE || bytes.at(-1) !== CLOSE_BRACE) return false;
  const isRecording = bytes.toString('latin1', 0, LINE_START.length) === LINE_START;
  return !isRecording || LINE_END.test(bytes.toString('latin1', bytes.length - LINE_END_BYTES));
}

/**
 * True if a crash explains a line that isn't JSON: a recording was cut, its bytes never reached the disk and are 0, or a repair was
 * interrupted. The last line of any program may be cut.
 */
function isCut({ bytes, isEnded }: Line): boolean {
  const start = bytes.toString('latin1', 0, LINE_START.length);
  const isRecording = start === LINE_START.slice(0, start.length);
  return (
    isRecording || start.startsWith('\0') || start.startsWith(' ') || (!isEnded && start.startsWith('{'))
  );
}

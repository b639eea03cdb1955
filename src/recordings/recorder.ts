/** The file that recordings are appended to: JSON lines in OpenAI's format. */

import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { counted } from '../core/counted.js';
import { RECORD_BYTES_MAX, RECORDINGS_PENDING_BYTES_MAX, RECORDINGS_WRITE_BYTES } from '../core/limits.js';
import { type Redaction, type Redactor, redactorOf } from '../core/redaction.js';
import { DatasetError } from '../dataset/dataset-error.js';
import { isSystemError, saysFull } from '../dataset/file.js';
import { makeFolder } from '../dataset/make-folder.js';
import { AppendFile } from './append-file.js';
import { lineOf, type Recording } from './recording.js';
import { repair } from './repair.js';
import { journalPathOf, UseJournal } from './use-journal.js';

/** Receives what the log says of recordings. */
export type RecordingNotices = (level: 'info' | 'warn', fields: object, message: string) => void;

/** How recordings are written. */
export interface RecorderOptions {
  /** What is replaced before a recording is written. */
  readonly redact: readonly Redaction[];
  readonly notices: RecordingNotices;
  /** The time in ms since 1970; the clock's by default. */
  readonly now?: () => number;
}

/** Appends recordings to a file, which other processes may append to as well. */
export class Recorder {
  private readonly file: AppendFile;
  private readonly journal: UseJournal;
  private readonly redactor: Redactor | undefined;
  private readonly notices: RecordingNotices;
  /** The lines that wait for the disk, oldest first. */
  private waiting: Waiting[] = [];
  /** Settles when no line waits; undefined if none does. */
  private writing: Promise<void> | undefined;
  private pendingBytes = 0;
  private isFailing = false;
  private isClosed = false;

  /**
   * Opens a file, or creates it and its folder for this user alone. Lines that a crash has cut are moved to another file, `PATH.cut`.
   *
   * @throws DatasetError if it can't be written, or isn't JSON lines
   */
  static async open(path: string, options: RecorderOptions): Promise<Recorder> {
    if (path === '-')
      throw new DatasetError(path, "recordings can't be written to the standard output; expected a file");
    const file = await explain(path, () => openFile(path));
    try {
      const { lines, path: cutPath } = await explain(path, () => repair(path));
      if (lines.length > 0) {
        const said = `moved ${counted(lines.length, 'line')} that a crash had cut`;
        options.notices('warn', { path, lines, moved_to: cutPath }, said);
      }
      return new Recorder(file, options);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  private constructor(file: AppendFile, { redact, notices, now = Date.now }: RecorderOptions) {
    this.file = file;
    this.redactor = redact.length === 0 ? undefined : redactorOf(redact);
    this.notices = notices;
    let isSaid = false;
    this.journal = new UseJournal(journalPathOf(file.path), now, (err) => {
      if (!isSaid) notices('warn', { err, path: journalPathOf(file.path) }, 'use of recordings not noted');
      isSaid = true;
    });
  }

  /**
   * Appends a line.
   *
   * @returns true when the system has it; false if it couldn't be written, which the log says once, or would be too long to be served
   */
  async append(recording: Recording): Promise<boolean> {
    if (this.isClosed) return false;
    const { id } = recording;
    const line = Buffer.from(`${lineOf(recording, this.redactor)}\n`);
    if (line.length > RECORD_BYTES_MAX) {
      this.notices('warn', { id, bytes: line.length }, 'not recorded: too long to be served');
      return false;
    }
    if (this.pendingBytes + line.length > RECORDINGS_PENDING_BYTES_MAX) {
      this.failed(new Error('the disk is too slow'));
      return false;
    }
    this.pendingBytes += line.length;
    const done = new Promise<boolean>((resolve, reject) => this.waiting.push({ line, resolve, reject }));
    this.writing ??= this.writeAll();
    return done;
  }

  /** Notes that a recording has answered, for `verbatim prune`. */
  used(id: string): void {
    if (!this.isClosed) this.journal.note(id);
  }

  /** Waits until everything is written, and closes the file. */
  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    await this.writing;
    await this.journal.close();
    await this.file.close();
  }

  private async writeAll(): Promise<void> {
    while (this.waiting.length > 0) {
      const together = this.waiting.splice(0, fitting(this.waiting));
      const lines = Buffer.concat(together.map(({ line }) => line));
      try {
        const isWritten = await this.write(lines);
        for (const { resolve } of together) resolve(isWritten);
      } catch (error) {
        for (const { reject } of together) reject(error);
      }
      this.pendingBytes -= lines.length;
    }
    // At once: a line that is appended before the promise settles would wait forever.
    this.writing = undefined;
  }

  private async write(lines: Buffer): Promise<boolean> {
    try {
      await this.file.append(lines);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      this.failed(error);
      return false;
    }
    if (this.isFailing) this.notices('info', { path: this.file.path }, 'recording again');
    this.isFailing = false;
    return true;
  }

  private failed(err: Error): void {
    if (!this.isFailing) this.notices('warn', { err, path: this.file.path }, 'answers not recorded');
    this.isFailing = true;
  }
}

/** A line that waits for the disk. */
interface Waiting {
  readonly line: Buffer;
  readonly resolve: (isWritten: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/** How many lines are written together: one at least. */
function fitting(waiting: readonly Waiting[]): number {
  let bytes = 0;
  const tooMany = waiting.findIndex(({ line }) => {
    bytes += line.length;
    return bytes > RECORDINGS_WRITE_BYTES;
  });
  return tooMany < 0 ? waiting.length : Math.max(1, tooMany);
}

async function openFile(path: string): Promise<AppendFile> {
  const found = await stat(path).catch((error: unknown) => {
    if (isSystemError(error) && error.code === 'ENOENT') return undefined;
    throw error;
  });
  // Opening a FIFO would wait for its reader.
  if (found !== undefined && !found.isFile())
    throw new DatasetError(path, "it isn't a regular file; expected a file for recordings");
  if (found === undefined) makeFolder(dirname(resolve(path)), OWN_FOLDER);
  return AppendFile.open(path);
}

const OWN_FOLDER = 0o700;

/** Runs a function that opens the file, and turns the system's errors into a DatasetError. */
async function explain<T>(path: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const problem = saysFull(error.code)
      ? 'the disk is full'
      : `it can't be opened for recordings (${error.code})`;
    throw new DatasetError(path, problem, undefined, true);
  }
}

/**
 * Spools: a dataset that can't be read at any offset is written once to a file of JSON that can. The file is the spool.
 *
 *     | header: JSON, padded with blanks to SPOOL_HEADER_BYTES | JSON lines, or a JSON array |
 */

import { closeSync, fstatSync, futimesSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { byteOffset } from '../core/bytes.js';
import { SPOOL_HEADER_BYTES, SPOOL_TOUCH_MS } from '../core/limits.js';
import type { ConversionReport } from './conversion-report.js';
import {
  type DatasetFile,
  type DatasetFormat,
  FileChangedError,
  type FileIdentity,
  identityOf,
  isSystemError,
  readFully,
} from './file.js';
import { makeFolder } from './make-folder.js';
import { removeAbandoned, thisOwner } from './spool-owner.js';

/** Raise it when anything about spools changes, also what a shape makes of a record. */
const FORMAT = 5;
const UNFINISHED = '.unfinished';
const UNPACKED = '.unpacked';

/** What a spool holds, and what it was made from. */
export interface Spool {
  readonly dataset: DatasetFile;
  readonly report: ConversionReport;
}

interface Header {
  readonly format: number;
  readonly source: Pick<FileIdentity, 'size' | 'mtimeMs' | 'ctimeMs' | 'inode'>;
  readonly body: { readonly format: DatasetFormat; readonly start: number };
  readonly report: ConversionReport;
}

/** The finished spool of that state of the source, if there is one. */
export function openSpool(path: string, source: FileIdentity): Spool | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    const file = identityOf(path, fstatSync(fd));
    if (file.size < SPOOL_HEADER_BYTES) return undefined;
    const bytes = Buffer.alloc(SPOOL_HEADER_BYTES);
    readFully(fd, bytes, 0);
    const header = JSON.parse(bytes.toString()) as Header;
    if (header.format !== FORMAT || !isDeepEqual(header.source, stateOf(source))) return undefined;
    const { format, start } = header.body;
    const body = { start: byteOffset(start), end: byteOffset(file.size) };
    return { dataset: { file, format, body }, report: header.report };
  } catch (error) {
    if (error instanceof SyntaxError || isSystemError(error)) return undefined;
    throw error;
  } finally {
    closeSync(fd);
  }
}

function stateOf({ size, mtimeMs, ctimeMs, inode }: FileIdentity): Header['source'] {
  return { size, mtimeMs, ctimeMs, inode };
}

function isDeepEqual(one: Header['source'], other: Header['source']): boolean {
  return (Object.keys(other) as (keyof Header['source'])[]).every((key) => one[key] === other[key]);
}

/** How many paths for parts of spools were made. Tasks of a spool that was abandoned may still write theirs, so none is used twice. */
let partCount = 0;

/** Writes a spool. Only one process writes it at a time: it has the unfinished file. */
export class SpoolWriter {
  /** The unfinished file. */
  readonly path: string;
  /** The content of a compressed file, after room for a header, while it is converted: see `beginUnpacked`. */
  readonly unpacked: string;
  /** Where the next byte goes. */
  at: number = SPOOL_HEADER_BYTES;
  private readonly target: string;
  private readonly mode: number;
  private file: FileHandle;
  private readonly parts: string[] = [];
  private readonly timer: NodeJS.Timeout;

  private constructor(target: string, mode: number, file: FileHandle) {
    this.target = target;
    this.mode = mode;
    this.path = target + UNFINISHED;
    this.unpacked = target + UNPACKED;
    this.file = file;
    this.timer = setInterval(() => this.touch(), SPOOL_TOUCH_MS);
    this.timer.unref();
  }

  /**
   * Begins a spool; undefined while another process, or another server of this one, writes the same.
   *
   * @param mode the permissions of the dataset: a spool has the same
   * @throws what `node:fs` throws
   */
  static async begin(target: string, mode: number): Promise<SpoolWriter | undefined> {
    const path = target + UNFINISHED;
    makeFolder(dirname(target));
    await removeAbandoned(path);
    try {
      // Synchronously: a process that ends before it has written this keeps others waiting.
      writeFileSync(path, JSON.stringify(thisOwner()), { flag: 'wx', mode });
    } catch (error) {
      if (isSystemError(error) && error.code === 'EEXIST') return undefined;
      throw error;
    }
    // A process that was killed may have left parts.
    for (const name of readdirSync(dirname(path))) {
      if (name.startsWith(`${basename(path)}-`)) rmSync(join(dirname(path), name), { force: true });
    }
    return new SpoolWriter(target, mode, await open(path, 'r+'));
  }

  /** A new path, for a temporary file with a part of the spool. */
  newPartPath(): string {
    return `${this.path}-${partCount++}`;
  }

  /** Creates a temporary file with a new path, for the content of one of several compressed files. */
  async beginPart(): Promise<string> {
    const path = this.newPartPath();
    await writeFile(path, '', { flag: 'wx', mode: 0o600 });
    this.parts.push(path);
    return path;
  }

  /** Creates the file `unpacked`. A process that was killed may have left one. */
  async beginUnpacked(): Promise<void> {
    await this.removeUnpacked();
    // It may become the unfinished file.
    await writeFile(this.unpacked, JSON.stringify(thisOwner()), { flag: 'wx', mode: this.mode });
  }

  /** Removes the files with the content of compressed files. */
  async removeUnpacked(): Promise<void> {
    for (const path of [this.unpacked, ...this.parts]) await rm(path, { force: true });
  }

  /**
   * Takes the file `unpacked` as the spool.
   *
   * @param at where the next byte goes
   */
  async useUnpacked(at: number): Promise<void> {
    const unpacked = await open(this.unpacked, 'r+');
    await rename(this.unpacked, this.path);
    const { file } = this;
    this.file = unpacked;
    await file.close();
    this.at = at;
  }

  /** Shows other processes that this one still works. */
  private touch(): void {
    const now = new Date();
    try {
      futimesSync(this.file.fd, now, now);
    } catch (error) {
      // Writing to the file fails, too, and says why.
      if (!isSystemError(error)) throw error;
    }
  }

  /** Appends bytes. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.file.write(bytes, done, bytes.length - done, this.at + done);
      done += bytesWritten;
    }
    this.at += bytes.length;
  }

  /**
   * Completes the spool.
   *
   * @param source the state of the dataset that it was made from
   */
  async finish(source: FileIdentity, body: Header['body'], report: ConversionReport): Promise<Spool> {
    const header: Header = { format: FORMAT, source: stateOf(source), body, report };
    const text = JSON.stringify(header);
    await this.file.write(Buffer.from(`${text.padEnd(SPOOL_HEADER_BYTES - 1)}\n`), 0, SPOOL_HEADER_BYTES, 0);
    await this.file.truncate(this.at);
    await this.file.sync();
    clearInterval(this.timer);
    const { ino } = await this.file.stat();
    await this.file.close();
    // Another process may have taken this one for dead.
    if ((await stat(this.path)).ino !== ino)
      throw new FileChangedError('its spool was replaced while it was written');
    await rename(this.path, this.target);
    const spool = openSpool(this.target, source);
    if (spool === undefined) throw new Error('a spool was replaced as soon as it was finished');
    return spool;
  }

  /** Removes what was written. */
  async abandon(): Promise<void> {
    clearInterval(this.timer);
    await this.file.close().catch(() => undefined);
    await rm(this.path, { force: true });
  }
}

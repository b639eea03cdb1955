/**
 * The saved index of a file, or of a range of its bytes: written once, and loaded at later starts if it belongs to the same dataset and is
 * complete and unchanged. A file that has grown since has the index of its beginning, and of each later range in a file of its own.
 *
 *     | VERBATIX | header length, u32 | header, JSON | blanks to a multiple of 8 | the table's buffer | the marks' buffer | CRC-32 of all before, u32 |
 */

import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type ByteOffset, type ByteRange, byteOffset } from '../core/bytes.js';
import { INDEX_LEFTOVER_MS } from '../core/limits.js';
import { ROLES } from '../core/roles.js';
import type { Counts } from '../dataset/counts.js';
import type { Dataset } from '../dataset/dataset.js';
import { checksumOf, digestOfStart } from '../dataset/digest.js';
import { changed, type FileIdentity, isGrown, isSameFile, readFully, withFile } from '../dataset/file.js';
import { makeFolder } from '../dataset/make-folder.js';
import { isBetweenLines } from '../dataset/whole-lines.js';
import { Marks } from './marks.js';
import { segmentPath } from './paths.js';
import { IndexTable, type RowCounts } from './table.js';

/** Raise it when anything about the table, the keys or this file changes. */
const FORMAT = 13;
const MAGIC = Buffer.from('VERBATIX');
const UNFINISHED = '.unfinished';
const ALIGNMENT = 8;
const CHECKSUM_BYTES = 4;
const HEADER_BYTES_MAX = 1 << 16;
/** Bytes per write. */
const PIECE_BYTES = 1 << 20;

/** The header of an index file. */
interface Header {
  readonly format: number;
  readonly dataset: Pick<FileIdentity, 'size' | 'mtimeMs' | 'ctimeMs' | 'inode'> & {
    /** Of the file up to the end of the range: see `digestOfStart`. */
    readonly digest: string;
    /** Of the bytes of the range; for the first one, of all bytes up to its end. */
    readonly checksum: number;
  };
  /** The bytes that the index is of. */
  readonly range: { readonly start: number; readonly end: number };
  /** How many records of the file come before the range. */
  readonly recordsBefore: number;
  readonly size: RowCounts;
  readonly counts: Counts;
  /** How many marks there are. */
  readonly marks: number;
  /** The id of the tokenizer that counted the tokens. */
  readonly tokenizer: string;
}

/** An index, with the marks and the counts taken when it was built. */
export interface KeptIndex {
  readonly table: IndexTable;
  readonly marks: Marks;
  readonly counts: Counts;
}

/** An index, as it is saved. */
export interface SavedIndex extends KeptIndex {
  /** The checksum of what the index is of: see `checksumUpTo`. */
  readonly checksum: number;
  /** How many records of the file come before those of the index. */
  readonly recordsBefore: number;
}

/** A saved index that was loaded. */
export interface LoadedIndex extends SavedIndex {
  /** Where the bytes end that it is of. */
  readonly end: ByteOffset;
  /** True if the file has grown since it was saved: then the checksum isn't compared. */
  readonly hasGrown: boolean;
}

/** Why an existing file can't be used. */
class UnusableError extends Error {}

/**
 * Loads the index of a dataset, or of the range of its bytes that begins where the dataset's body does. If the dataset's file is the one that
 * the index was built from, as far as the file system shows, only a digest of parts is compared; otherwise (for a copy), the checksum. If
 * bytes may be appended to the file, it may be longer than when the index was saved.
 *
 * @param tokenizer the id of a tokenizer (`tokenizerId`): token counts of another one are cleared
 * @returns undefined if there is no file; the reason, a text, if the file can't be used
 */
export async function loadIndex(
  path: string,
  dataset: Dataset,
  tokenizer: string,
): Promise<LoadedIndex | string | undefined> {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? undefined : `can't be read (${codeOf(error)})`;
  }
  try {
    const { tokenizer: counted, ...index } = await read(fd, dataset);
    if (counted !== tokenizer) index.table.forgetTokens();
    return index;
  } catch (error) {
    return error instanceof UnusableError ? error.message : `can't be read (${codeOf(error)})`;
  } finally {
    closeSync(fd);
  }
}

/**
 * The checksum of what an index of a dataset, or of a range of it, is saved with.
 *
 * @param dataset its body is the range
 * @param isWanted ends it early
 * @throws the errors of the file system, or FileChangedError, also if it isn't wanted any more
 */
export function checksumUpTo(
  { file, body }: Dataset,
  recordsBefore: number,
  isWanted?: () => boolean,
): Promise<number> {
  return checksumOf(file, recordsBefore === 0 ? 0 : body.start, body.end, isWanted);
}

/**
 * Saves an index. The file gets its name only after all of it is on the disk, so readers never see a partial file.
 *
 * @param dataset its body is what the index is of
 * @param isCurrent false if the dataset's file has changed: then the file doesn't get its name
 * @throws the errors of the file system, or FileChangedError if the dataset has changed
 */
export async function saveIndex(
  path: string,
  dataset: Dataset,
  index: SavedIndex,
  tokenizer: string,
  isCurrent: () => boolean = () => true,
): Promise<void> {
  makeFolder(dirname(path));
  await removeLeftovers(path);
  const unfinished = `${path}.${randomBytes(6).toString('hex')}${UNFINISHED}`;
  const file = await open(unfinished, 'wx');
  try {
    const header = headerOf(dataset, index, tokenizer);
    let checksum = 0;
    for (const piece of piecesOf(header, index)) {
      checksum = crc32(piece, checksum);
      await file.writeFile(piece);
    }
    const last = Buffer.alloc(CHECKSUM_BYTES);
    last.writeUInt32LE(checksum);
    await file.writeFile(last);
    await file.sync();
    await file.close();
    if (!isCurrent()) throw changed();
    await rename(unfinished, path);
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(unfinished, { force: true });
    throw error;
  }
}

/**
 * The bytes of the file, up to the checksum. Tokens may be counted meanwhile: each piece is a copy, so the checksum is of the same bytes.
 */
function* piecesOf(header: Header, { table, marks }: KeptIndex): Generator<Buffer> {
  yield head(header);
  for (const { buffer } of [table, marks.trimmed().data]) {
    for (let at = 0; at < buffer.byteLength; at += PIECE_BYTES) {
      yield Buffer.from(Buffer.from(buffer, at, Math.min(PIECE_BYTES, buffer.byteLength - at)));
    }
  }
}

/**
 * Removes the indexes of ranges of a dataset that were merged with others.
 *
 * @param path where the index of the first range is saved
 * @param ranges the ranges that the dataset has, in file order
 * @throws the errors of the file system
 */
export async function removeSegments(path: string, ranges: readonly ByteRange[]): Promise<void> {
  const prefix = basename(segmentPath(path, ''));
  const isInside = (offset: number) => ranges.some(({ start, end }) => start < offset && offset < end);
  for (const name of await readdir(dirname(path))) {
    const start = name.startsWith(prefix) ? name.slice(prefix.length) : '';
    if (/^\d+$/.test(start) && isInside(Number(start))) await rm(join(dirname(path), name), { force: true });
  }
}

/** Removes the unfinished files of processes that ended while they were saving. */
async function removeLeftovers(path: string): Promise<void> {
  for (const name of await readdir(dirname(path))) {
    if (!name.startsWith(`${basename(path)}.`) || !name.endsWith(UNFINISHED)) continue;
    const leftover = join(dirname(path), name);
    const stats = await stat(leftover).catch(() => undefined);
    if (stats && Date.now() - stats.mtimeMs > INDEX_LEFTOVER_MS) await rm(leftover, { force: true });
  }
}

function headerOf(
  { file, body }: Dataset,
  { table, marks, counts, checksum, recordsBefore }: SavedIndex,
  tokenizer: string,
): Header {
  const { size, mtimeMs, ctimeMs, inode } = file;
  const digest = withFile(file, (fd) => digestOfStart(fd, body.end));
  return {
    format: FORMAT,
    dataset: { size, mtimeMs, ctimeMs, inode, digest, checksum },
    range: { start: body.start, end: body.end },
    recordsBefore,
    size: table.size,
    counts,
    marks: marks.count,
    tokenizer,
  };
}

/** The first bytes of the file, up to the table. */
function head(header: Header): Buffer {
  const text = Buffer.from(JSON.stringify(header));
  const before = MAGIC.length + 4 + text.length;
  const blanks = Buffer.alloc((ALIGNMENT - (before % ALIGNMENT)) % ALIGNMENT, ' ');
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length + blanks.length);
  return Buffer.concat([MAGIC, length, text, blanks]);
}

/** @throws UnusableError, or what reading throws */
async function read(fd: number, dataset: Dataset): Promise<LoadedIndex & Pick<Header, 'tokenizer'>> {
  const { file, body } = dataset;
  const start = Buffer.alloc(MAGIC.length + 4);
  readSync(fd, start);
  if (!start.subarray(0, MAGIC.length).equals(MAGIC)) throw new UnusableError('not an index file');
  const headerLength = start.readUInt32LE(MAGIC.length);
  if (headerLength > HEADER_BYTES_MAX) throw new UnusableError('damaged');
  const text = Buffer.alloc(headerLength);
  readSync(fd, text, 0, headerLength, start.length);
  const header = parseHeader(text);
  const { range, recordsBefore, counts, marks: count } = header;
  const isOther = new UnusableError('the dataset has changed since it was saved');
  if (range.start !== body.start || range.end > body.end) throw isOther;
  if (header.dataset.size !== file.size && !file.mayGrow) throw isOther;
  const length = IndexTable.byteLength(header.size);
  const marksLength = Marks.byteLength(header.marks);
  const at = start.length + headerLength;
  if (fstatSync(fd).size !== at + length + marksLength + CHECKSUM_BYTES) throw new UnusableError('truncated');
  const table = IndexTable.allocate(header.size);
  const bytes = Buffer.from(table.buffer);
  readFully(fd, bytes, at);
  const buffer = new SharedArrayBuffer(marksLength);
  const markBytes = Buffer.from(buffer);
  readFully(fd, markBytes, at + length);
  const checksum = Buffer.alloc(CHECKSUM_BYTES);
  readFully(fd, checksum, at + length + marksLength);
  if (crc32(markBytes, crc32(bytes, crc32(text, crc32(start)))) !== checksum.readUInt32LE())
    throw new UnusableError('damaged');
  const { digest, checksum: expected, ...made } = header.dataset;
  const end = byteOffset(range.end);
  const isBetween = withFile(file, (of) => digestOfStart(of, end) === digest && isEnd(of, end, body.end));
  if (!isBetween) throw isOther;
  const madeFrom = { ...file, ...made };
  const hasGrown = isGrown(file, madeFrom);
  const isKnown = isSameFile(madeFrom, file) || hasGrown;
  const covered = { ...dataset, body: { start: body.start, end } };
  if (!isKnown && expected !== (await checksumUpTo(covered, recordsBefore))) throw isOther;
  const marks = new Marks({ count, records: counts.records, end, buffer });
  const { tokenizer } = header;
  return { table, marks, counts, checksum: expected, recordsBefore, end, hasGrown, tokenizer };
}

/** True if a range may end at an offset. @param last where the last one ends */
function isEnd(fd: number, end: number, last: number): boolean {
  return end === last || isBetweenLines(fd, end);
}

/** The checksum is not verified yet: treat the header as untrusted input. */
function parseHeader(text: Buffer): Header {
  try {
    const header = JSON.parse(text.toString()) as Header;
    const { format, dataset, range, recordsBefore, size, counts, marks } = header;
    // The other fields of another format are unknown.
    if (format !== FORMAT) throw new UnusableError(`format ${format}, expected ${FORMAT}`);
    const numbers = [
      range.start,
      range.end,
      recordsBefore,
      size.turns,
      size.conversations,
      marks,
      counts.records,
      counts.turns,
      counts.conversations,
      counts.skipped,
      ...counts.skippedAt,
      ...ROLES.map((role) => counts.roles[role]),
      ...counts.histograms.turns,
      ...counts.histograms.lengths,
    ];
    // Everything that is counted takes at least one byte of the dataset.
    const areCounts = numbers.every(
      (count) => Number.isInteger(count) && count >= 0 && count <= dataset.size,
    );
    if (
      areCounts &&
      range.start <= range.end &&
      typeof (counts.example ?? '') === 'string' &&
      size.turns >= size.conversations
    )
      return header;
  } catch (error) {
    if (error instanceof UnusableError) throw error;
  }
  throw new UnusableError('damaged');
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/**
 * The saved index: written once, and loaded at later starts if it belongs to the same dataset and is complete and unchanged.
 *
 *     | VERBATIX | header length, u32 | header, JSON | blanks to a multiple of 8 | the table's buffer | the marks' buffer | CRC-32 of all before, u32 |
 */

import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { INDEX_LEFTOVER_MS } from '../core/limits.js';
import { ROLES } from '../core/roles.js';
import type { Counts } from '../dataset/counts.js';
import type { Dataset } from '../dataset/dataset.js';
import { checksumOf, digestOf } from '../dataset/digest.js';
import { type FileIdentity, isSameFile, readFully } from '../dataset/file.js';
import { makeFolder } from '../dataset/make-folder.js';
import { Marks } from './marks.js';
import { IndexTable, type RowCounts } from './table.js';

/** Raise it when anything about the table, the keys or this file changes. */
const FORMAT = 12;
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
    readonly digest: string;
    readonly checksum: number;
  };
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
  /** The checksum of the dataset's file: see `checksumOf`. */
  readonly checksum: number;
}

/** Why an existing file can't be used. */
class UnusableError extends Error {}

/**
 * Loads the index of a dataset. If the dataset's file is the one that the index was built from, as far as the file system shows, only a
 * digest of parts is compared; otherwise (for a copy), the checksum of the whole file.
 *
 * @param tokenizer the id of a tokenizer (`tokenizerId`): token counts of another one are cleared
 * @returns undefined if there is no file; the reason, a text, if the file can't be used
 */
export async function loadIndex(
  path: string,
  dataset: Dataset,
  tokenizer: string,
): Promise<SavedIndex | string | undefined> {
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
 * Saves an index. The file gets its name only after all of it is on the disk, so readers never see a partial file.
 *
 * @throws the errors of the file system
 */
export async function saveIndex(
  path: string,
  dataset: Dataset,
  index: SavedIndex,
  tokenizer: string,
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
  { file }: Dataset,
  { table, marks, counts, checksum }: SavedIndex,
  tokenizer: string,
): Header {
  const { path: _, ...identity } = file;
  return {
    format: FORMAT,
    dataset: { ...identity, digest: digestOf(file), checksum },
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
async function read(fd: number, { file, body }: Dataset): Promise<SavedIndex & Pick<Header, 'tokenizer'>> {
  const start = Buffer.alloc(MAGIC.length + 4);
  readSync(fd, start);
  if (!start.subarray(0, MAGIC.length).equals(MAGIC)) throw new UnusableError('not an index file');
  const headerLength = start.readUInt32LE(MAGIC.length);
  if (headerLength > HEADER_BYTES_MAX) throw new UnusableError('damaged');
  const text = Buffer.alloc(headerLength);
  readSync(fd, text, 0, headerLength, start.length);
  const header = parseHeader(text);
  const changed = new UnusableError('the dataset has changed since it was saved');
  if (header.dataset.size !== file.size) throw changed;
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
  if (digest !== digestOf(file)) throw changed;
  if (!isSameFile({ ...file, ...made }, file) && expected !== (await checksumOf(file))) throw changed;
  const { counts, marks: count } = header;
  const marks = new Marks({ count, records: counts.records, end: body.end, buffer });
  return { table, marks, counts, checksum: expected, tokenizer: header.tokenizer };
}

/** The checksum is not verified yet: treat the header as untrusted input. */
function parseHeader(text: Buffer): Header {
  try {
    const header = JSON.parse(text.toString()) as Header;
    const { format, dataset, size, counts, marks } = header;
    // The other fields of another format are unknown.
    if (format !== FORMAT) throw new UnusableError(`format ${format}, expected ${FORMAT}`);
    const numbers = [
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
    if (areCounts && typeof (counts.example ?? '') === 'string' && size.turns >= size.conversations)
      return header;
  } catch (error) {
    if (error instanceof UnusableError) throw error;
  }
  throw new UnusableError('damaged');
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** Files of a dataset that are served as one, because conversations are spread over them: questions and answers, for example. */

import { counted } from '../core/counted.js';
import { SAMPLED_BYTES_MAX } from '../core/limits.js';
import { assertFile } from '../dataset/dataset.js';
import { DatasetError } from '../dataset/dataset-error.js';
import {
  commonIdentityAt,
  FileChangedError,
  type FileIdentity,
  isSameFile,
  isSystemError,
  readFully,
  withOpenFile,
} from '../dataset/file.js';
import { firstRecordIn } from '../dataset/sample.js';
import { isRecord } from '../dataset/shapes/record.js';
import type { JoinedShape, ShapeOptions } from '../dataset/shapes/shape.js';
import { readRecord } from '../dataset/shapes/shapes.js';
import { packingOf } from '../dataset/sources.js';
import { unpackedHead } from '../workers/unpack.js';

/** A file that is served, and those that are served together with it. */
export interface FileGroup {
  readonly path: string;
  readonly others: readonly string[];
}

/** Identifies the files of a group. */
export function keyOf({ path, others }: FileGroup): string {
  return [path, ...others].join('\0');
}

/** The current identity of the files of a group; undefined if one of them isn't accessible. */
export function identityOfGroup({ path, others }: FileGroup): FileIdentity | undefined {
  return commonIdentityAt(path, others);
}

/** A group of one file. */
export function alone(path: string): FileGroup {
  return { path, others: [] };
}

/** A group as messages name it. */
export function nameOf({ path, others }: FileGroup): string {
  return others.length === 0 ? path : `${path} and ${counted(others.length, 'other file')}`;
}

/** The other files of a group of which the error names one; undefined if it concerns the whole group. */
export function withoutFailed(group: FileGroup, { path: failed }: DatasetError): FileGroup | undefined {
  const isOne = group.path === failed || group.others.includes(failed);
  return isOne ? withoutFiles(group, (path) => path === failed) : undefined;
}

/** A group without some of its files; undefined if no file is left. */
export function withoutFiles(
  { path, others }: FileGroup,
  isLeftOut: (path: string) => boolean,
): FileGroup | undefined {
  const [first, ...rest] = [path, ...others].filter((file) => !isLeftOut(file));
  return first === undefined ? undefined : { path: first, others: rest };
}

/** What was found at the start of a file. */
interface Looked {
  readonly file: FileIdentity;
  readonly shape: JoinedShape | undefined;
}

/** Groups the files of a dataset. A file is looked at again only when it has changed. */
export class JoinedFiles {
  private readonly shapes: ShapeOptions;
  private looked: ReadonlyMap<string, Looked> = new Map();

  constructor(shapes: ShapeOptions) {
    this.shapes = shapes;
  }

  /** The files, in order. Those whose first records are of one shape that is joined over files are one group, at the place of its first. */
  async groups(paths: readonly string[]): Promise<readonly FileGroup[]> {
    const looked = new Map<string, Looked>();
    const groups: { path: string; others: string[] }[] = [];
    const joined = new Map<JoinedShape, string[]>();
    for (const path of paths) {
      const file = regularFileAt(path);
      const one = file && (await this.look(file));
      if (one !== undefined) looked.set(path, one);
      const shape = one?.shape;
      const others = shape && joined.get(shape);
      if (others !== undefined) {
        others.push(path);
        continue;
      }
      const group = { path, others: [] };
      if (shape !== undefined) joined.set(shape, group.others);
      groups.push(group);
    }
    this.looked = looked;
    return groups;
  }

  /** True if some file may belong to a group: its contents decide, so they are looked at again even if the folder hasn't changed. */
  get isGrouping(): boolean {
    return [...this.looked.values()].some(({ shape }) => shape !== undefined);
  }

  private async look(file: FileIdentity): Promise<Looked> {
    const known = this.looked.get(file.path);
    if (known !== undefined && isSameFile(known.file, file)) return known;
    return { file, shape: await shapeOf(file, this.shapes, known?.shape) };
  }
}

/**
 * The shape of a file's first record, if its conversations may be spread over several files.
 *
 * @param before what it was when the file was looked at before: it still is if that record is incomplete
 */
async function shapeOf(
  file: FileIdentity,
  shapes: ShapeOptions,
  before: JoinedShape | undefined,
): Promise<JoinedShape | undefined> {
  const record = await firstRecordOf(file);
  // The file is being written, perhaps.
  if (record === undefined) return before;
  const reading = isRecord(record) ? readRecord(record, shapes) : undefined;
  return reading?.kind === 'part' && reading.shape.joinsFiles ? reading.shape : undefined;
}

/** The identity of a regular file; undefined if the path has no such file. Opening a FIFO could block forever. */
function regularFileAt(path: string): FileIdentity | undefined {
  try {
    return assertFile(path);
  } catch (error) {
    if (error instanceof DatasetError) return undefined;
    throw error;
  }
}

/** A file's first record: see `firstRecordIn`. */
async function firstRecordOf(file: FileIdentity): Promise<unknown> {
  try {
    return firstRecordIn(await headOf(file));
  } catch (error) {
    // The error is reported when the file is opened.
    if (isSystemError(error) || error instanceof FileChangedError) return undefined;
    throw error;
  }
}

/** The first bytes of a file, unpacked. */
function headOf(file: FileIdentity): Promise<Uint8Array> {
  return withOpenFile(file, async (fd) => {
    const head = Buffer.alloc(Math.min(SAMPLED_BYTES_MAX, file.size));
    readFully(fd, head, 0);
    const packing = packingOf(head, file.path);
    return packing === undefined ? head : unpackedHead(fd, file, packing, SAMPLED_BYTES_MAX);
  });
}

/** Standard input as a dataset: it is saved in a temporary file, since a dataset is read more than once. */

import { pipeline } from 'node:stream/promises';
import type { ModelSpec } from '../core/model-spec.js';
import { DatasetError, EXPECTED_DATASET } from '../dataset/dataset-error.js';
import { isFolder } from '../dataset/file.js';
import { TemporaryFile } from '../dataset/temporary-file.js';

/** The path that means standard input. */
const STDIN = '-';

/** What messages call it. */
const NAME = 'stdin';

/** Standard input, if it is among the datasets. */
export class Stdin {
  private file: TemporaryFile | undefined;

  /**
   * The datasets with the path of a file in place of `-`. Waits for the end of standard input.
   *
   * @param signal gives up: the file is incomplete then
   * @throws DatasetError if standard input is a terminal or empty, or can't be saved
   */
  async replaceIn(specs: readonly ModelSpec[], signal?: AbortSignal): Promise<readonly ModelSpec[]> {
    if (!specs.some(({ path }) => path === STDIN)) return specs;
    const { path } = await this.save(signal);
    return specs.map((spec) => (spec.path === STDIN ? { ...spec, path, isTemporary: true } : spec));
  }

  /** A message that names standard input, not the file. */
  shownIn(message: string): string {
    return this.file === undefined ? message : message.replaceAll(this.file.path, NAME);
  }

  private async save(signal: AbortSignal | undefined): Promise<TemporaryFile> {
    if (process.stdin.isTTY) {
      throw new DatasetError(NAME, `it is a terminal; expected ${EXPECTED_DATASET}, as verbatim - < FILE`);
    }
    if (isFolder(process.stdin.fd))
      throw new DatasetError(NAME, `it is a folder; expected ${EXPECTED_DATASET}`);
    const file = new TemporaryFile(NAME);
    this.file = file;
    process.on('exit', () => file.remove());
    try {
      await pipeline(process.stdin, file.writer(), signal === undefined ? {} : { signal });
    } catch (error) {
      if (signal?.aborted) return file;
      throw new DatasetError(NAME, file.problemOf(error), undefined, true);
    }
    if (file.size === 0) throw new DatasetError(NAME, `nothing came; expected ${EXPECTED_DATASET}`);
    return file;
  }
}

/** Reads a whole file as JSON lines for other programs. */

import { DatasetSyntaxError } from '../core/errors.js';
import { type ExportFormat, exportedLine } from '../core/export.js';
import { parsePythonJson } from '../core/python-json.js';
import type { Dataset } from '../dataset/dataset.js';
import { DatasetError } from '../dataset/dataset-error.js';
import { changed, FileChangedError, withOpenFile } from '../dataset/file.js';
import { type Kernel, NO_CONVERSATION, RECORD, RECORD_NUMBERS } from '../kernel/kernel.js';
import { InvalidRecordError, type RecordBatch, walk } from '../workers/walk.js';
import { giveKernel, takeKernel } from './idle-kernels.js';

/** Some lines, and how far the file was read. */
export interface ExportedLines {
  /** Each with its line feed. */
  readonly text: string;
  readonly conversations: number;
  /** The bytes that were read until now. */
  readonly readBytes: number;
}

/**
 * Passes the conversations of a file on, in its order, some lines at a time.
 *
 * @param dataset it was walked before, so that it is valid
 * @param write the next lines are read after it has settled
 * @throws DatasetError if the file has changed, or what `write` throws
 */
export async function exportLines(
  dataset: Dataset,
  format: ExportFormat,
  write: (lines: ExportedLines) => Promise<void>,
): Promise<void> {
  try {
    await withOpenFile(dataset.file, async (fd) => {
      await withKernel(async (kernel) => {
        let before = 0;
        for (const batch of walk(kernel, fd, dataset, dataset.body, () => undefined)) {
          const records = batch.records.length / RECORD_NUMBERS;
          const lines = linesOf(batch, before, format);
          before += records;
          await write({ text: lines.join(''), conversations: lines.length, readBytes: batch.offset });
        }
      });
    });
  } catch (error) {
    const hasChanged = [FileChangedError, DatasetSyntaxError, InvalidRecordError].some(
      (kind) => error instanceof kind,
    );
    if (!hasChanged) throw error;
    throw new DatasetError(dataset.source.path, changed().message, undefined, true);
  }
}

async function withKernel(use: (kernel: Kernel) => Promise<void>): Promise<void> {
  const kernel = takeKernel();
  kernel.wantNone();
  try {
    await use(kernel);
  } catch (error) {
    // After a trap its memory is undefined.
    if (!(error instanceof WebAssembly.RuntimeError)) giveKernel(kernel);
    throw error;
  }
  giveKernel(kernel);
}

/** The lines of the records that are conversations. @param before how many records come before them */
function linesOf({ records, base, bytes, offset }: RecordBatch, before: number, format: ExportFormat) {
  const lines: string[] = [];
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0, number = before; at < records.length; at += RECORD_NUMBERS, number++) {
    if (records[at + RECORD.turns] === NO_CONVERSATION) continue;
    const start = base + (records[at + RECORD.start] as number) - offset;
    const json = view.toString('utf8', start, start + (records[at + RECORD.length] as number));
    const line = exportedLine(parsePythonJson(json), number, format);
    if (line !== undefined) lines.push(`${line}\n`);
  }
  return lines;
}

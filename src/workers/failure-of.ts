import { AppError, DatasetSyntaxError, type TaskFailure } from '../core/errors.js';
import { FileChangedError, withFile } from '../dataset/file.js';
import type { ShardTask } from './tasks.js';
import type { InvalidRecordError } from './walk.js';

/** Why a record that the kernel rejects is invalid, or why that can't be determined. */
export async function explain(
  { dataset }: Pick<ShardTask, 'dataset'>,
  { record, at, message }: InvalidRecordError,
): Promise<unknown> {
  // Loads stream-json, which is rarely needed.
  const { explainRecord } = await import('../dataset/records.js');
  try {
    const explained = withFile(dataset.file, (fd) => explainRecord(fd, dataset, record));
    return explained ?? new DatasetSyntaxError(at, message);
  } catch (error) {
    return error;
  }
}

/** The failure that an error is, as a value. */
export function failureOf(error: unknown): TaskFailure {
  const detail = detailOf(error);
  if (error instanceof DatasetSyntaxError) {
    return { kind: 'failed', code: 'dataset_invalid', detail, offset: error.offset };
  }
  if (error instanceof FileChangedError) return { kind: 'failed', code: 'dataset_changed', detail };
  if (error instanceof Error && 'syscall' in error && 'code' in error) {
    const systemCode = String(error.code);
    const detail = `the file can't be read (${systemCode})`;
    return { kind: 'failed', code: 'dataset_unreadable', detail, systemCode };
  }
  return { kind: 'failed', code: 'worker_failed', detail };
}

/** The message of an error; that of its cause, if it is one that a client sees. */
function detailOf(error: unknown): string {
  if (error instanceof AppError && error.cause !== undefined) return detailOf(error.cause);
  return error instanceof Error ? error.message : String(error);
}

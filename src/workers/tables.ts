/** Files of rows and columns that have groups of rows, each of which can be read alone. */

import type { TableFile } from '../dataset/sources.js';
import type { ArrowGroup } from './arrow-layout.js';
import type { ParquetGroup } from './parquet.js';
import { jsonRow } from './table-values.js';

/** Some rows of a table, and how many bytes they have. */
export type RowGroup = ParquetGroup | ArrowGroup;

/**
 * The groups of rows of a table, in order.
 *
 * @param fd the open file
 * @throws DatasetSyntaxError if the file isn't valid; what reading throws
 */
export async function rowGroups(fd: number, file: TableFile): Promise<RowGroup[]> {
  return file.table === 'parquet'
    ? (await import('./parquet.js')).parquetGroups(fd, file)
    : (await import('./arrow.js')).arrowGroups(fd, file);
}

/**
 * Passes the rows of a group to `take`, as JSON values.
 *
 * @throws DatasetSyntaxError if the file isn't valid; what reading and `take` throw
 */
export async function readRows(
  fd: number,
  file: TableFile,
  group: RowGroup,
  take: (row: Record<string, unknown>) => void,
): Promise<void> {
  const rows =
    group.table === 'parquet'
      ? await (await import('./parquet.js')).parquetRows(fd, file, group)
      : (await import('./arrow.js')).arrowRows(fd, group);
  for (const row of rows) take(jsonRow(row));
}

/** The log lines about the records of a dataset: how many were converted to JSON lines, or skipped. */

import type { Logger } from 'pino';
import { counted } from '../core/counted.js';
import { byFrequency } from '../dataset/conversion-report.js';
import type { Counts } from '../dataset/counts.js';
import type { Spool } from '../dataset/spool.js';
import { sizeText } from './start-lines.js';

/** The fields of the line. */
interface Conversion {
  readonly dataset: string;
  readonly records: number;
  readonly skipped: number;
  /** How many records have which shape. */
  readonly shapes: Readonly<Record<string, number>>;
  /** The file with the JSON lines, and its size in bytes. */
  readonly spool: string;
  readonly bytes: number;
}

/**
 * Logs that a dataset was converted, and a warning if records were skipped.
 *
 * @param named adds what names the dataset's model
 */
export function logConversion(
  logger: Logger,
  dataset: string,
  { dataset: { file }, report }: Spool,
  named: (fields: object) => object,
): void {
  const { records, skipped, shapes, reasons, firstSkipped } = report;
  const conversion: Conversion = { dataset, records, skipped, shapes, spool: file.path, bytes: file.size };
  logger.info(named(conversion), 'converted');
  for (const warning of report.warnings) logger.warn(named({ dataset }), warning);
  if (skipped === 0) return;
  const first = firstSkipped && `; the first is record ${firstSkipped.row}: ${firstSkipped.reason}`;
  const warning = `${counted(skipped, 'record')} skipped: not conversations${first ?? ''}`;
  logger.warn(named({ dataset, skipped, reasons }), warning);
}

/** Logs a warning if records of a dataset that is served as it is were skipped. */
export function warnOfSkipped({ skipped, skippedAt }: Counts, logger: Logger): void {
  if (skipped === 0) return;
  const what = counted(skipped, 'record');
  logger.warn(
    { skipped, skippedAt },
    `${what} skipped: not conversations; skippedAt lists the byte offsets of the first ones`,
  );
}

/** The line for people. */
export function conversionText({ dataset, records, skipped, shapes, spool, bytes }: Conversion): string {
  const named = byFrequency(shapes).map(([name, count]) => `${count} ${name}`);
  const left = skipped === 0 ? '' : `, ${skipped} skipped`;
  const converted = `converted ${counted(records, 'record')} (${named.join(', ')}${left}) of`;
  return `${records === 0 ? 'decompressed' : converted} ${dataset}: ${sizeText(bytes)} in ${spool}`;
}

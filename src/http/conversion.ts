/** The log line about a dataset that was converted to JSON lines. */

import { counted } from '../core/counted.js';
import { byFrequency } from '../dataset/conversion-report.js';
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

/** The fields for a dataset and its spool. */
export function conversionOf(dataset: string, { dataset: { file }, report }: Spool): Conversion {
  const { records, skipped, shapes } = report;
  return { dataset, records, skipped, shapes, spool: file.path, bytes: file.size };
}

/** The line for people. */
export function conversionText({ dataset, records, skipped, shapes, spool, bytes }: Conversion): string {
  const named = byFrequency(shapes).map(([name, count]) => `${count} ${name}`);
  const left = skipped === 0 ? '' : `, ${skipped} skipped`;
  const converted = `converted ${counted(records, 'record')} (${named.join(', ')}${left}) of`;
  return `${records === 0 ? 'decompressed' : converted} ${dataset}: ${sizeText(bytes)} in ${spool}`;
}

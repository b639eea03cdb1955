/** Why a dataset, or a record of it, isn't served. */

import { counted } from '../core/counted.js';
import { type FieldMap, fieldMapText } from '../core/field-map.js';
import { KEY_LENGTH_NAMED_MAX, KEYS_NAMED_MAX, QUOTED_RECORD_LENGTH } from '../core/limits.js';
import { shellWord } from '../core/shell-word.js';
import { byFrequency, type ConversionReport, type SkippedRecord } from './conversion-report.js';
import type { SampledRecord } from './sample.js';
import { MAPPED } from './shapes/mapped.js';
import { isObject, isRecord } from './shapes/record.js';
import { refusalOf } from './shapes/refusals.js';
import { parsedNatively } from './shapes/shapes.js';

/**
 * Describes a record that isn't served.
 *
 * @param value undefined if the record is too long to be read
 * @param text its JSON
 */
export function describeSkipped(value: unknown, text: string, row: number): SkippedRecord {
  const { reason, suggestion } = isRecord(value)
    ? refusalOf(value)
    : { reason: reasonOf(value), suggestion: undefined };
  return {
    ...describeRead(value, reason, text, row),
    suggestion: suggestion && shortOnly(fieldMapText(suggestion)),
  };
}

/** Describes a record that could be read, and isn't served for a reason of its own. */
export function describeRead(value: unknown, reason: string, text: string, row: number): SkippedRecord {
  const keys = isObject(value) ? Object.keys(value) : [];
  return {
    ...describeRefused(reason, text, row),
    keys: keys.slice(0, KEYS_NAMED_MAX + 1).map(shortened),
  };
}

/** Describes a record that the kernel skips, of a list that is served as it is. */
export function describeSampled({ value, text, isCutOff }: SampledRecord): SkippedRecord {
  if (isCutOff) return describeRefused(CUT_OFF, text, 0);
  // The kernel reads the same conversations within its limits.
  const isRead = isRecord(value) && parsedNatively(value) !== undefined;
  return isRead ? describeRead(value, reasonOf(undefined), text, 0) : describeSkipped(value, text, 0);
}

/** Describes a record whose keys aren't known. */
export function describeRefused(reason: string, json: string, row: number): SkippedRecord {
  const text = json.slice(0, QUOTED_RECORD_LENGTH).toWellFormed();
  return { row, reason, keys: [], suggestion: undefined, text };
}

/** A key as long as messages name it, or one character longer. */
function shortened(key: string): string {
  return key.slice(0, KEY_LENGTH_NAMED_MAX + 1).toWellFormed();
}

/** A suggestion, unless its keys are too long for a message. */
function shortOnly(suggestion: string): string | undefined {
  return suggestion.length > QUOTED_RECORD_LENGTH ? undefined : suggestion;
}

/** Why the last record of a file isn't served if its end is missing. */
export const CUT_OFF = 'cut off by the end of the file';

/** Why a record isn't served whose conversation, as JSON, is longer than a record may be. */
export const LONG_LINE = 'longer than 16 MiB once it is converted';

/** Why a value isn't a record of any shape. */
export function reasonOf(value: unknown): string {
  if (isRecord(value)) return refusalOf(value).reason;
  return value === undefined ? 'longer than 16 MiB, or nested too deep' : 'neither an object nor a list';
}

/** The warning about a field map that no record has the fields of; undefined if some record has them. */
export function unmappedText(
  map: FieldMap | undefined,
  shapes: Readonly<Record<string, number>>,
): string | undefined {
  if (map === undefined || Object.hasOwn(shapes, MAPPED)) return undefined;
  return `no record has the fields of --map ${shellWord(fieldMapText(map))}: other shapes fit`;
}

/** The warnings about the names of a table's columns. */
export function columnWarnings(columns: readonly string[]): string[] {
  const repeated = columns.filter((name, i) => name !== '' && columns.indexOf(name) < i);
  if (repeated.length === 0) return [];
  return [`of several columns with the same name, the last counts: ${listedNames([...new Set(repeated)])}`];
}

/** The warning about rows with bytes that aren't UTF-8. */
export function encodingWarnings(rows: number): string[] {
  if (rows === 0) return [];
  const remedy = 'if the file is in Windows-1252, convert it: iconv -f WINDOWS-1252 -t UTF-8';
  return [`${counted(rows, 'row')} with bytes that aren't UTF-8, which are read as U+FFFD; ${remedy}`];
}

/** Why a dataset without a conversation isn't served, in one line. */
export function refusalText({
  records,
  reasons,
  firstSkipped,
}: Pick<ConversionReport, 'records' | 'reasons' | 'firstSkipped'>): string {
  if (firstSkipped === undefined) return `no conversation in ${counted(records, 'record')}`;
  const { keys, suggestion } = firstSkipped;
  const named = byFrequency(reasons).map(([reason, count]) =>
    count === records ? reason : `${count} ${reason}`,
  );
  const hint =
    suggestion === undefined
      ? ''
      : `; if they are a prompt and its reply, serve them with --map ${shellWord(suggestion)}`;
  const what = keys.length === 0 ? '' : ` with ${listedKeys(keys)}`;
  return `no conversation in ${counted(records, 'record')}${what}: ${named.join(', ')}${hint}`;
}

/** Keys as a message lists them: `the keys "prompt", "completion"`. */
function listedKeys(keys: readonly string[]): string {
  return `the ${keys.length === 1 ? 'key' : 'keys'} ${listedNames(keys)}`;
}

function listedNames(keys: readonly string[]): string {
  const spelled = keys.slice(0, KEYS_NAMED_MAX).map((key) => {
    return JSON.stringify(key.length > KEY_LENGTH_NAMED_MAX ? `${key.slice(0, KEY_LENGTH_NAMED_MAX)}…` : key);
  });
  if (keys.length > KEYS_NAMED_MAX) spelled.push('…');
  return spelled.join(', ');
}

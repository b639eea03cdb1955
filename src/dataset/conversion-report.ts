import { REPORTED_KINDS_MAX } from '../core/limits.js';

/** What became of the records that were converted. */
export interface ConversionReport {
  /** What the records were in: `gzip, JSON lines`. */
  readonly container: string;
  readonly records: number;
  readonly conversations: number;
  readonly turns: number;
  /** Records that no conversation was made of. */
  readonly skipped: number;
  /** How many records have which shape. */
  readonly shapes: Readonly<Record<string, number>>;
  /** How many records were skipped for which reason. */
  readonly reasons: Readonly<Record<string, number>>;
  /** The first record that was skipped; undefined if none was. */
  readonly firstSkipped: SkippedRecord | undefined;
}

/** A record that was skipped. */
export interface SkippedRecord {
  /** Its number in the dataset, from 0. */
  readonly row: number;
  readonly reason: string;
  /** Its keys, in order; those of a list are missing. */
  readonly keys: readonly string[];
  /** The setting that might map it; undefined if it doesn't have two texts. */
  readonly suggestion: string | undefined;
  /** The beginning of its JSON. */
  readonly text: string;
}

/** Before anything was converted. */
export const NOTHING_CONVERTED: ConversionReport = {
  container: '',
  records: 0,
  conversations: 0,
  turns: 0,
  skipped: 0,
  shapes: {},
  reasons: {},
  firstSkipped: undefined,
};

/** The sum of two reports. */
export function addReports(one: ConversionReport, other: ConversionReport): ConversionReport {
  return {
    container: one.container,
    records: one.records + other.records,
    conversations: one.conversations + other.conversations,
    turns: one.turns + other.turns,
    skipped: one.skipped + other.skipped,
    shapes: addCounts(one.shapes, other.shapes),
    reasons: addCounts(one.reasons, other.reasons),
    firstSkipped:
      one.firstSkipped ??
      (other.firstSkipped && { ...other.firstSkipped, row: one.records + other.firstSkipped.row }),
  };
}

/** The most frequent first. */
export function byFrequency(counts: Readonly<Record<string, number>>): [name: string, count: number][] {
  return Object.entries(counts).sort(([, one], [, other]) => other - one);
}

function addCounts(
  one: Readonly<Record<string, number>>,
  other: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum: Record<string, number> = { ...one };
  for (const [name, count] of Object.entries(other)) {
    if (sum[name] !== undefined || Object.keys(sum).length < REPORTED_KINDS_MAX)
      sum[name] = (sum[name] ?? 0) + count;
  }
  return sum;
}

import { REPORTED_KINDS_MAX } from '../core/limits.js';

/** What became of the records that were converted. */
export interface ConversionReport {
  /** What the records were in: `gzip, JSON lines`. */
  readonly container: string;
  readonly records: number;
  readonly conversations: number;
  readonly turns: number;
  /** Turns of lists that were left out, because they have no role or no text. */
  readonly leftOut: number;
  readonly texts: TextCounts;
  /** Records that no conversation was made of. */
  readonly skipped: number;
  /** How many records have which shape. */
  readonly shapes: Readonly<Record<string, number>>;
  /** How many records were skipped for which reason. */
  readonly reasons: Readonly<Record<string, number>>;
  /** The first record that was skipped; undefined if none was. */
  readonly firstSkipped: SkippedRecord | undefined;
  /** What seems wrong about the dataset or its settings. */
  readonly warnings: readonly string[];
}

/** The texts of turns, in numbers. */
export interface TextCounts {
  /** How many turns have which role. Roles with long names, and those beyond `REPORTED_KINDS_MAX`, aren't counted. */
  readonly roles: Readonly<Record<string, number>>;
  /** Their length together. */
  readonly characters: number;
  /** The greatest length. */
  readonly longest: number;
}

/** A record that was skipped. */
export interface SkippedRecord {
  /** Its number in the dataset, from 0. */
  readonly row: number;
  readonly reason: string;
  /** Its keys, in order; those of a list are missing. */
  readonly keys: readonly string[];
  /** The value of `--map` that might map it, unquoted; undefined if it doesn't have two texts. */
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
  leftOut: 0,
  texts: { roles: {}, characters: 0, longest: 0 },
  skipped: 0,
  shapes: {},
  reasons: {},
  firstSkipped: undefined,
  warnings: [],
};

/** The sum of two reports. */
export function addReports(one: ConversionReport, other: ConversionReport): ConversionReport {
  return {
    container: one.container,
    records: one.records + other.records,
    conversations: one.conversations + other.conversations,
    turns: one.turns + other.turns,
    leftOut: one.leftOut + other.leftOut,
    texts: addTexts(one.texts, other.texts),
    skipped: one.skipped + other.skipped,
    shapes: addByName(one.shapes, other.shapes),
    reasons: addByName(one.reasons, other.reasons),
    firstSkipped:
      one.firstSkipped ??
      (other.firstSkipped && { ...other.firstSkipped, row: one.records + other.firstSkipped.row }),
    warnings: [...one.warnings, ...other.warnings],
  };
}

/** The sum of two counts of texts. */
export function addTexts(one: TextCounts, other: TextCounts): TextCounts {
  return {
    roles: addByName(one.roles, other.roles),
    characters: one.characters + other.characters,
    longest: Math.max(one.longest, other.longest),
  };
}

/** The most frequent first. */
export function byFrequency(counts: Readonly<Record<string, number>>): [name: string, count: number][] {
  return Object.entries(counts).sort(([, one], [, other]) => other - one);
}

/** The sum of two counts by name. Names beyond `REPORTED_KINDS_MAX` aren't counted. */
export function addByName(
  one: Readonly<Record<string, number>>,
  other: Readonly<Record<string, number>>,
): Record<string, number> {
  // A name may be `__proto__`.
  const sum = new Map(Object.entries(one));
  for (const [name, count] of Object.entries(other)) {
    const known = sum.get(name);
    if (known !== undefined || sum.size < REPORTED_KINDS_MAX) sum.set(name, (known ?? 0) + count);
  }
  return Object.fromEntries(sum);
}

/** What `verbatim check` finds. */

import type { TextPosition } from '../core/text-position.js';
import {
  addByName,
  addTexts,
  type ConversionReport,
  NOTHING_CONVERTED,
  type SkippedRecord,
  type TextCounts,
} from '../dataset/conversion-report.js';

/**
 * What a dataset contains, and how it is served. Of a file that is served as it is, the shapes are those of a sample, and the reasons those of
 * the first few records that were skipped.
 */
export interface Contents
  extends Pick<ConversionReport, 'conversations' | 'turns' | 'leftOut' | 'skipped' | 'shapes' | 'reasons'> {
  readonly path: string;
  /** The size in bytes. */
  readonly bytes: number;
  /** The size in bytes of the JSON lines that it is converted to at the start; undefined if it is served as it is. */
  readonly convertedBytes: number | undefined;
  /** Turns that have a reply. */
  readonly replies: number;
  readonly firstSkipped: FirstSkipped | undefined;
  /** What seems wrong about the dataset or the settings. */
  readonly warnings: readonly string[];
  readonly texts: Texts;
  /** A prompt and its reply, from the first conversations. */
  readonly example: { readonly prompt: string; readonly reply: string } | undefined;
}

/** The first record that isn't served, and its place. */
export interface FirstSkipped extends SkippedRecord {
  /** The path of its file. */
  readonly path: string;
  /** Undefined in a file that is converted. */
  readonly position: TextPosition | undefined;
}

/** What a file contains. */
export interface FileReport extends Contents {
  /** The files that are read together, if there are several: conversations are spread over them. The path is that of the first. */
  readonly files: readonly string[] | undefined;
  /** The kinds of file, from the outer to the inner: `gzip, JSON lines`. */
  readonly container: string;
}

/** What a folder, or the files that a pattern matches, contain in total. */
export interface FolderReport extends Contents {
  /** How many of the files that are served are of which kind. */
  readonly containers: Readonly<Record<string, number>>;
  /** In the order of their names, with paths relative to the folder. */
  readonly parts: readonly (FileReport | RefusedPart)[];
}

/** A file of a folder that isn't served. */
export interface RefusedPart {
  readonly path: string;
  /** See `FileReport`. */
  readonly files: readonly string[] | undefined;
  /** Why, in one line that begins with the path. */
  readonly error: string;
}

/** What `verbatim check` finds. */
export type CheckReport = FileReport | FolderReport;

/** The texts of all turns of a file that is converted; of one that is served as it is, those of the first conversations. */
export interface Texts extends TextCounts {
  /** How many conversations and turns were counted. */
  readonly conversations: number;
  readonly turns: number;
}

/** True for a part that isn't served. */
export function isRefused(part: FileReport | RefusedPart): part is RefusedPart {
  return 'error' in part;
}

/** How many files are read as one part of a folder. */
export function fileCount({ files }: FileReport | RefusedPart): number {
  return files?.length ?? 1;
}

/** True if all records of all files are served. */
export function isWhole(report: CheckReport): boolean {
  return report.skipped === 0 && !('parts' in report && report.parts.some(isRefused));
}

/** How often each name occurs. */
export function countsOf(names: readonly string[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries(counts);
}

/**
 * The report about a folder.
 *
 * @param reports those about the files that are served, at least one
 * @param parts all files
 */
export function totalOf(
  path: string,
  reports: readonly FileReport[],
  parts: FolderReport['parts'],
): FolderReport {
  const sum = (of: (report: FileReport) => number) => reports.reduce((total, each) => total + of(each), 0);
  const counted = (of: (report: FileReport) => Readonly<Record<string, number>>) =>
    reports.map(of).reduce(addByName, {});
  const isConverted = reports.some(({ convertedBytes }) => convertedBytes !== undefined);
  return {
    path,
    containers: countsOf(reports.flatMap((each) => Array<string>(fileCount(each)).fill(each.container))),
    bytes: sum(({ bytes }) => bytes),
    convertedBytes: isConverted ? sum(({ convertedBytes }) => convertedBytes ?? 0) : undefined,
    conversations: sum(({ conversations }) => conversations),
    turns: sum(({ turns }) => turns),
    replies: sum(({ replies }) => replies),
    leftOut: sum(({ leftOut }) => leftOut),
    skipped: sum(({ skipped }) => skipped),
    shapes: counted(shapesOfAll),
    reasons: counted(({ reasons }) => reasons),
    firstSkipped: reports.find(({ firstSkipped }) => firstSkipped !== undefined)?.firstSkipped,
    warnings: reports.flatMap((each) => each.warnings.map((warning) => `${each.path}: ${warning}`)),
    texts: {
      ...reports.map(({ texts }) => texts).reduce<TextCounts>(addTexts, NOTHING_CONVERTED.texts),
      conversations: sum(({ texts }) => texts.conversations),
      turns: sum(({ texts }) => texts.turns),
    },
    example: reports.find(({ example }) => example !== undefined)?.example,
    parts,
  };
}

/** The shapes of all records of a file, estimated if only a sample was counted. */
function shapesOfAll({ shapes, convertedBytes, conversations }: FileReport): FileReport['shapes'] {
  const counted = Object.values(shapes).reduce((sum, count) => sum + count, 0);
  if (convertedBytes !== undefined || counted === 0) return shapes;
  const scaled = Object.entries(shapes).map(
    ([name, count]) => [name, Math.round((count * conversations) / counted)] as const,
  );
  return Object.fromEntries(scaled);
}

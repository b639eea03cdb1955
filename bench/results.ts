/** The results of a run, in the format of bench/results. `compare` reads what this module writes. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Circumstances } from './circumstances.js';
import { median } from './statistics.js';
import { UsageError } from './usage-error.js';

/** A results file. */
export interface Results {
  /** Raised when the meaning of a name changes. */
  readonly version: 1;
  readonly circumstances: Circumstances;
  /** Each name once. */
  readonly figures: readonly Figure[];
}

/** A number measured once or more. */
export interface Figure {
  /** From the general to the special, with slashes between: `comparison / express / requests per second`. */
  readonly name: string;
  readonly unit: string;
  readonly median: number;
  /** The measurement of each round. */
  readonly values: readonly number[];
}

/** A part of a run. */
export interface Section {
  /** Markdown, with a heading of the second level. */
  readonly text: string;
  readonly figures: readonly Figure[];
  readonly charts?: readonly Chart[];
}

/** A chart, as SVG. */
export interface Chart {
  /** Part of its file name. */
  readonly name: string;
  /** Alternative text. */
  readonly title: string;
  readonly svg: string;
}

const VERSION = 1;
const folder = fileURLToPath(new URL('../../bench/results/', import.meta.url));

/** A figure of its rounds; absent if the system doesn't report it. */
export function figureOf(name: string, unit: string, values: readonly number[]): Figure[] {
  return values.some(Number.isNaN) ? [] : [{ name, unit, median: median(values), values }];
}

/**
 * Writes the results as Markdown and JSON, with the charts next to them.
 *
 * @param title of the page; file names end with it
 * @returns the page and its path
 */
export function writeResults(
  title: { readonly heading: string; readonly suffix: string },
  circumstances: Circumstances,
  sections: readonly Section[],
): { page: string; path: string } {
  const { date, machine } = circumstances;
  const base = `${date}-${machine}`;
  const stem = `${base}${title.suffix}`;
  const charts = sections.flatMap((section) => section.charts ?? []);
  const links = charts.map((chart) => `![${chart.title}](${base}-${chart.name}.svg)\n`);
  const heading = `# ${date}, ${machine}: ${title.heading}\n\n${circumstances.lines.join('\n')}\n`;
  const page = [heading, ...sections.map(({ text }) => text), ...links].join('\n');
  const results: Results = {
    version: VERSION,
    circumstances,
    figures: sections.flatMap((section) => section.figures),
  };
  mkdirSync(folder, { recursive: true });
  for (const { name, svg } of charts) writeFileSync(`${folder}${base}-${name}.svg`, svg);
  writeFileSync(`${folder}${stem}.md`, page);
  writeFileSync(`${folder}${stem}.json`, `${JSON.stringify(results, null, 1)}\n`);
  return { page, path: `${folder}${stem}.md` };
}

/**
 * Reads a results file.
 *
 * @throws UsageError if it isn't one
 */
export function readResults(path: string): Results {
  try {
    const results = JSON.parse(readFileSync(path, 'utf8')) as Partial<Results> | null;
    if (results?.version === VERSION && Array.isArray(results.figures)) return results as Results;
  } catch (error) {
    throw new UsageError(`${path}: expected a results file: ${(error as Error).message}`);
  }
  throw new UsageError(`${path}: expected a results file of version ${VERSION}`);
}

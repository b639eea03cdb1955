/** `npm run bench -- compare A B`: the differences between two results or two commits. */

import type { CompareOptions } from '../options.js';
import { type Figure, type Results, readResults } from '../results.js';
import { UsageError } from '../usage-error.js';
import { compareCommits } from './compare-commits.js';
import { withSpread } from './comparison-table.js';
import { CPU_GOALS, type CpuGoal, cpuFigureName } from './cpu-goals.js';

/** The comparison as Markdown. */
export async function compare(options: CompareOptions): Promise<string> {
  const { before, after } = options;
  const files = [before, after].filter((name) => name.endsWith('.json')).length;
  if (files === 1)
    throw new UsageError(`compare: expected two commits or two results files, got '${before}' '${after}'`);
  if (files === 2) return comparedText(readResults(before), readResults(after));
  return comparedText(...(await compareCommits(options)));
}

/** Both results side by side, the ratio of the second to the first, and the CPU goals at the end. */
export function comparedText(before: Results, after: Results): string {
  const figures = figuresByName(before);
  const lines = after.figures.flatMap((figure) => {
    const base = figures.get(figure.name);
    return base === undefined ? [] : [{ name: figure.name, text: lineOf(base, figure) }];
  });
  const lone = before.figures.length + after.figures.length - 2 * lines.length;
  const plain = lines.filter(({ name }) => !GOAL_NAMES.has(name)).map(({ text }) => text);
  return `# ${titleOf(before)} → ${titleOf(after)}

Medians, and the ratio of the second to the first. ${loneText(lone)}A ratio within the spread of the rounds says nothing.

| figure | unit | before | after | ratio | spread before | spread after |
|---|---|---|---|---|---|---|
${plain.join('\n')}
${goalsText(before, after)}`;
}

const GOAL_NAMES: ReadonlySet<string> = new Set(CPU_GOALS.map(cpuFigureName));

/** The CPU goals for which both results have figures, as Markdown; empty if there aren't any. */
function goalsText(before: Results, after: Results): string {
  const [earlier, later] = [figuresByName(before), figuresByName(after)];
  const lines = CPU_GOALS.flatMap((goal) => {
    const name = cpuFigureName(goal);
    const [base, figure] = [earlier.get(name), later.get(name)];
    return base === undefined || figure === undefined ? [] : [goalLineOf(goal, base, figure)];
  });
  if (lines.length === 0) return '';
  return `
## Goals

CPU a request as a ratio, both sides measured in the same round; the lowest and the highest round in parentheses.

| CPU a request | must reach | before | after |
|---|---|---|---|
${lines.join('\n')}
`;
}

function goalLineOf({ what, must }: CpuGoal, before: Figure, after: Figure): string {
  const columns = [what, `${must} ×`, withSpread(before.values, 2), withSpread(after.values, 2)];
  return `| ${columns.join(' | ')} |`;
}

function figuresByName({ figures }: Results): ReadonlyMap<string, Figure> {
  return new Map(figures.map((figure) => [figure.name, figure]));
}

function lineOf(before: Figure, after: Figure): string {
  const ratio = after.median / before.median;
  return `| ${[
    before.name,
    before.unit,
    numberText(before.median),
    numberText(after.median),
    Number.isFinite(ratio) ? ratio.toFixed(3) : '',
    spreadOf(before),
    spreadOf(after),
  ].join(' | ')} |`;
}

function loneText(count: number): string {
  if (count === 0) return '';
  return count === 1 ? '1 figure is in one of both only. ' : `${count} figures are in one of both only. `;
}

function titleOf({ circumstances }: Results): string {
  const { date, machine, commit } = circumstances;
  return `${date} ${machine} ${commit}`;
}

/** The lowest and the highest round, divided by the median. */
function spreadOf({ median, values }: Figure): string {
  if (values.length < 2 || median === 0) return '';
  return `${(Math.min(...values) / median).toFixed(2)}–${(Math.max(...values) / median).toFixed(2)}`;
}

function numberText(value: number): string {
  return String(Number(value.toPrecision(4)));
}

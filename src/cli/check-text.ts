import { counted } from '../core/counted.js';
import { QUOTED_LENGTH_MAX } from '../core/limits.js';
import { quoteBeginning } from '../core/quote.js';
import { byFrequency } from '../dataset/conversion-report.js';
import { printable, printablePosition } from '../dataset/dataset-error.js';
import { JOINED_SHAPES } from '../dataset/shapes/joined.js';
import { SHAPES } from '../dataset/shapes/shapes.js';
import { sizeText } from '../http/start-lines.js';
import type { CheckReport } from './check.js';

/** Width of the names in front of the lines. */
const NAME_WIDTH = 12;

/** A report for people: a line that sums it up, and indented lines with details. */
export function checkText(report: CheckReport): string[] {
  const { path, conversations, turns, skipped, sample } = report;
  const sum = [
    counted(conversations, 'conversation'),
    counted(turns, 'turn'),
    ...(skipped > 0 ? [`${counted(skipped, 'record')} skipped`] : []),
  ];
  const { median, longest } = sample.lengths;
  return [
    `${printable(path)}: ${sum.join(', ')}`,
    line('file', containerText(report)),
    ...shapeTexts(report).map((text) => line('shape', text)),
    ...skippedTexts(report).map((text) => line('skipped', text)),
    line(
      'roles',
      `${rolesText(sample.roles)}, in the first ${counted(sample.conversations, 'conversation')}`,
    ),
    line('lengths', `${counted(median, 'character')} in the median, ${longest} at most`),
    ...exampleTexts(report).map((text) => line('example', text)),
  ];
}

function line(name: string, text: string): string {
  return `  ${name.padEnd(NAME_WIDTH)}${text}`;
}

function containerText({ container, bytes, convertedBytes }: CheckReport): string {
  const served =
    convertedBytes === undefined
      ? 'served as it is'
      : `converted once, to ${sizeText(convertedBytes)} of JSON lines`;
  return `${container}, ${sizeText(bytes)}, ${served}`;
}

function shapeTexts({ shapes, skipped, convertedBytes }: CheckReport): string[] {
  const read = Object.values(shapes).reduce((sum, count) => sum + count, 0);
  const records = convertedBytes === undefined ? read : read + skipped;
  return byFrequency(shapes).map(([name, count]) => `${percent(count, records)} ${name}: ${mappingOf(name)}`);
}

function mappingOf(name: string): string {
  const shape = [...SHAPES, ...JOINED_SHAPES].find((each) => each.name === name);
  return shape?.mapping.replaceAll('`', '') ?? 'the fields given';
}

function skippedTexts({ path, reasons, firstSkipped }: CheckReport): string[] {
  if (firstSkipped === undefined) return [];
  const { position, row, text, suggestion } = firstSkipped;
  const place = position === undefined ? `record ${row}` : printablePosition(path, position);
  const named = byFrequency(reasons).map(([reason, count]) => `${count} ${reason}`);
  const hint = suggestion === undefined ? [] : [`if it is a prompt and its reply: --map ${suggestion}`];
  return [named.join(', '), `the first at ${place}: ${quoteBeginning(text, QUOTED_LENGTH_MAX)}`, ...hint];
}

function rolesText(roles: Readonly<Record<string, number>>): string {
  return byFrequency(roles)
    .map(([role, count]) => `${role} ${count}`)
    .join(', ');
}

function exampleTexts({ sample: { example } }: CheckReport): string[] {
  if (example === undefined) return ['none: no turn with a text has a reply'];
  return [
    `${quoteBeginning(example.prompt, QUOTED_LENGTH_MAX)} → ${quoteBeginning(example.reply, QUOTED_LENGTH_MAX)}`,
  ];
}

/** A share without decimals; small shares aren't rounded to 0, nor large ones to 100. */
function percent(count: number, all: number): string {
  const share = (100 * count) / all;
  if (count === all) return '100 %';
  return `${Math.min(99, Math.max(1, Math.round(share)))} %`;
}

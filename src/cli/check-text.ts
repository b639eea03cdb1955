import { counted } from '../core/counted.js';
import { QUOTED_LENGTH_MAX } from '../core/limits.js';
import { quoteBeginning } from '../core/quote.js';
import { shellWord } from '../core/shell-word.js';
import { byFrequency } from '../dataset/conversion-report.js';
import { printable, printablePosition } from '../dataset/dataset-error.js';
import { JOINED_SHAPES } from '../dataset/shapes/joined.js';
import { SHAPES } from '../dataset/shapes/shapes.js';
import { sizeText } from '../http/start-lines.js';
import {
  type CheckReport,
  type Contents,
  type FileReport,
  type FolderReport,
  fileCount,
  isRefused,
  type RefusedPart,
} from './check-report.js';

/** Width of the names in front of the lines. */
const NAME_WIDTH = 12;

/** A report for people: for a folder, a line for each file; then a line that sums it up, and indented lines with details. */
export function checkText(report: CheckReport): string[] {
  const { path, replies, texts } = report;
  const average = Math.round(texts.characters / Math.max(1, texts.turns));
  const parts = 'parts' in report ? report.parts : [];
  const unserved = filesIn(parts.filter(isRefused));
  const sums = [sumText(report), ...(unserved > 0 ? [`${counted(unserved, 'file')} not served`] : [])];
  return [
    ...parts.map(partText),
    `${printable(path)}: ${sums.join(', ')}`,
    line('file', 'parts' in report ? containersText(report) : containerText(report)),
    ...shapeTexts(report).map((text) => line('shape', text)),
    ...skippedTexts(report).map((text) => line('skipped', text)),
    ...leftOutTexts(report).map((text) => line('left out', text)),
    line('roles', `${rolesText(texts.roles)}${sampleText(report)}`),
    line(
      'lengths',
      `${counted(average, 'character')} on average, ${texts.longest} at most${sampleText(report)}`,
    ),
    ...exampleTexts(report).map((text) => line('example', text)),
    ...report.warnings.map((text) => line('warning', text)),
    ...(replies === 0 ? [line('warning', 'no turn has a reply: every prompt will be a miss')] : []),
  ];
}

function line(name: string, text: string): string {
  return `  ${name.padEnd(NAME_WIDTH)}${text}`;
}

function filesIn(parts: readonly (FileReport | RefusedPart)[]): number {
  return parts.reduce((sum, part) => sum + fileCount(part), 0);
}

function partText(part: FileReport | RefusedPart): string {
  const name = (part.files ?? [part.path]).map(printable).join(', ');
  if (isRefused(part)) return `${name}: not served: ${part.error}`;
  const shapes = byFrequency(part.shapes).map(([shape]) => shape);
  return `${name}: ${[sumText(part), ...shapes].join(', ')}`;
}

function sumText({ conversations, turns, skipped }: Contents): string {
  const sums = [counted(conversations, 'conversation'), counted(turns, 'turn')];
  if (skipped > 0) sums.push(`${counted(skipped, 'record')} skipped`);
  return sums.join(', ');
}

function containerText({ container, bytes, convertedBytes }: FileReport): string {
  const served = convertedBytes === undefined ? 'served as it is' : conversionText(convertedBytes);
  return `${container}, ${sizeText(bytes)}, ${served}`;
}

/** The kinds of a folder's files, by their shares. */
function containersText({ containers, parts, bytes, convertedBytes }: FolderReport): string {
  const files = parts.flatMap((part) => (isRefused(part) ? [] : [part]));
  const count = filesIn(files);
  const converted = filesIn(files.filter((part) => part.convertedBytes !== undefined));
  const kinds = byFrequency(containers).map(([kind, some]) => `${percent(some, count)} ${kind}`);
  const size = `${counted(count, 'file')} of ${sizeText(bytes)}`;
  const which = converted === count ? '' : `${converted} of them `;
  const served = convertedBytes === undefined ? 'served as they are' : which + conversionText(convertedBytes);
  return `${kinds.join('; ')}; ${size}, ${served}`;
}

function conversionText(bytes: number): string {
  return `converted once, to ${sizeText(bytes)} of JSON lines`;
}

function shapeTexts(report: CheckReport): string[] {
  const { shapes, skipped, convertedBytes } = report;
  const read = Object.values(shapes).reduce((sum, count) => sum + count, 0);
  const isSample = convertedBytes === undefined && !('parts' in report);
  const records = isSample ? read : read + skipped;
  return byFrequency(shapes).map(([name, count]) => `${percent(count, records)} ${name}: ${mappingOf(name)}`);
}

function mappingOf(name: string): string {
  const shape = [...SHAPES, ...JOINED_SHAPES].find((each) => each.name === name);
  return shape?.mapping.replaceAll('`', '') ?? 'the fields given';
}

function skippedTexts({ path: whole, reasons, firstSkipped }: Contents): string[] {
  if (firstSkipped === undefined) return [];
  const { path, position, row, text, suggestion } = firstSkipped;
  const record = path === whole ? `record ${row}` : `${printable(path)}, record ${row}`;
  const place = position === undefined ? record : printablePosition(path, position);
  const named = byFrequency(reasons).map(([reason, count]) => `${count} ${reason}`);
  const hint =
    suggestion === undefined ? [] : [`if it is a prompt and its reply: --map ${shellWord(suggestion)}`];
  return [named.join(', '), `the first at ${place}: ${quoteBeginning(text, QUOTED_LENGTH_MAX)}`, ...hint];
}

function leftOutTexts({ leftOut }: Contents): string[] {
  return leftOut === 0 ? [] : [`${counted(leftOut, 'turn')} of these records: no role, or no text`];
}

function rolesText(roles: Readonly<Record<string, number>>): string {
  return byFrequency(roles)
    .map(([role, count]) => `${role} ${count}`)
    .join(', ');
}

/** Says what the sample is, unless it is everything. */
function sampleText(report: CheckReport): string {
  const { texts, conversations } = report;
  if (texts.conversations === conversations) return '';
  const size = counted(texts.conversations, 'conversation');
  return 'parts' in report
    ? `, in a sample of ${size}: the first of files that are served as they are`
    : `, in a sample: the first ${size}`;
}

function exampleTexts({ example }: Contents): string[] {
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

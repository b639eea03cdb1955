/** A conversation, and what is in a dataset, as lines for people. */

import { styleText } from 'node:util';
import { escapeAllControls } from '../core/control-characters.js';
import { counted } from '../core/counted.js';
import { LENGTHS_FROM, TURNS_FROM } from '../core/histogram.js';
import { QUOTED_LENGTH_MAX } from '../core/limits.js';
import { quoteBeginning } from '../core/quote.js';
import { ROLES, roleOf } from '../core/roles.js';
import type { RecordedConversation, RecordedTurn, RepeatedPrompt } from '../corpus/corpus.js';
import type { SearchCount } from '../corpus/search.js';
import { printable } from '../dataset/dataset-error.js';
import { sizeText } from '../http/start-lines.js';
import type { Model } from '../models/model.js';
import type { FoundText } from '../workers/tasks.js';

/** Width of the names in front of the lines. */
const NAME_WIDTH = 12;
const BAR_WIDTH = 40;
const PROMPTS_SHOWN = 20;

/** The lines of a conversation. They may contain control characters. */
export function conversationText(path: string, conversation: RecordedConversation): string[] {
  const { number, id, bytes, isSkipped, system, tools, turns, other } = conversation;
  const named = id === undefined ? [] : [`id ${id}`];
  const what = isSkipped ? 'not a conversation' : counted(turns.length, 'turn');
  const isOther = Object.keys(other).length > 0;
  return [
    `${printable(path)} #${number}: ${[...named, what, sizeText(bytes)].join(', ')}`,
    ...(isOther ? [line('other', JSON.stringify(other))] : []),
    ...(tools === undefined ? [] : [line('tools', JSON.stringify(tools))]),
    ...(system === undefined ? [] : ['', 'system', ...linesOf(system)]),
    ...turns.flatMap(turnText),
  ];
}

/** A turn that a search has found, in one line. On a terminal, what was found in it is coloured. */
export function hitText({ record, turn, role, excerpt }: FoundText): string {
  const { text, marks, from } = excerpt;
  let shown = from > 0 ? '…' : '';
  let at = 0;
  for (const [start, end] of marks) {
    shown += `${plain(text.slice(at, start))}${found(plain(text.slice(start, end)))}`;
    at = end;
  }
  return `${styleText('magenta', `${record}#${turn}`)} ${styleText('green', roleOf(role))}: ${shown}${plain(text.slice(at))}`;
}

/** Node 20 colours a text in a list of styles even where there are no colours. */
function found(text: string): string {
  return styleText('bold', styleText('red', text));
}

/** A text in one line, without control characters, which could change colours. */
function plain(text: string): string {
  return escapeAllControls(text.replace(/[\s\x85]+/g, ' '));
}

/** How much was searched, and what was found in it. */
export function searchedText({ turns, conversations, read }: SearchCount, seconds: number): string {
  const found = `${counted(turns, 'turn')} in ${counted(conversations, 'conversation')}`;
  return `${found}; read ${sizeText(read)} in ${seconds.toFixed(1)} s`;
}

function turnText({ role, from, text, reasoning, calls }: RecordedTurn, number: number): string[] {
  return [
    '',
    `[${number}] ${role === from ? role : `${role} (${from})`}`,
    ...(reasoning === undefined ? [] : linesOf(reasoning).map((each) => `> ${each}`)),
    ...(text === '' ? [] : linesOf(text)),
    ...(calls ?? []).map((call) => `calls ${call.name} ${call.arguments}`),
  ];
}

function linesOf(text: string): string[] {
  return text.split(/\r?\n/);
}

/** What is in a dataset, as lines. */
export function statsText(
  path: string,
  { status, size }: Pick<Model, 'status' | 'size'>,
  prompts: readonly RepeatedPrompt[],
): string[] {
  const { conversations, turns, replies, skipped, leftOut, roles, histograms } = status.counts;
  const isRole = ROLES.filter((role) => roles[role] > 0);
  return [
    `${printable(path)}: ${counted(conversations, 'conversation')}, ${counted(turns, 'turn')}`,
    line('file', [sizeText(size.bytes), ...(size.files > 1 ? [counted(size.files, 'file')] : [])].join(', ')),
    line('replies', counted(replies, 'turn with a reply', 'turns with a reply')),
    ...(skipped > 0 ? [line('skipped', counted(skipped, 'record'))] : []),
    ...(leftOut > 0 ? [line('left out', counted(leftOut, 'element of lists', 'elements of lists'))] : []),
    line('roles', isRole.map((role) => `${role} ${numeral(roles[role])}`).join(', ')),
    '',
    'Conversations by their turns:',
    ...barsOf(TURNS_FROM, histograms.turns),
    '',
    'Turns by the bytes of their text:',
    ...barsOf(LENGTHS_FROM, histograms.lengths),
    ...(prompts.length === 0 ? [] : ['', 'Repeated prompts:']),
    ...prompts.slice(0, PROMPTS_SHOWN).map(promptText),
  ];
}

function promptText({ text, count, number, turn }: RepeatedPrompt): string {
  return `  ${numeral(count).padStart(NAME_WIDTH - 2)}  ${quoteBeginning(text, QUOTED_LENGTH_MAX)} first in #${number}, turn ${turn}`;
}

/** A histogram as bars, one for each power of two, from the first one that isn't empty to the last one. */
function barsOf(from: readonly number[], counts: readonly number[]): string[] {
  const rows = new Map<number, number>();
  for (const [i, count] of counts.entries()) {
    const first = from[i] as number;
    const power = first === 0 ? 0 : 2 ** Math.floor(Math.log2(first));
    rows.set(power, (rows.get(power) ?? 0) + count);
  }
  const bars = [...rows];
  const isFilled = bars.map(([, count]) => count > 0);
  const most = Math.max(1, ...rows.values());
  return bars.slice(isFilled.indexOf(true), isFilled.lastIndexOf(true) + 1).map(([first, count]) => {
    const next = bars[bars.findIndex(([each]) => each === first) + 1]?.[0];
    const last = next === undefined ? undefined : next - 1;
    const range = last === undefined ? `${numeral(first)}+` : rangeText(first, last);
    const bar = '█'.repeat(Math.ceil((count / most) * BAR_WIDTH));
    return `  ${range.padStart(NAME_WIDTH + 4)}  ${bar}${bar === '' ? '' : ' '}${numeral(count)}`;
  });
}

function rangeText(first: number, last: number): string {
  return first === last ? numeral(first) : `${numeral(first)}–${numeral(last)}`;
}

function line(name: string, text: string): string {
  return `  ${name.padEnd(NAME_WIDTH)}${text}`;
}

function numeral(count: number): string {
  return count.toLocaleString('en-US');
}

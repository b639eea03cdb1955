/** Converts plain records: those of a few strings, whose shape is decided by their keys and by which strings are empty. */

import { addReports, type ConversionReport, NOTHING_CONVERTED } from '../dataset/conversion-report.js';
import type { DatasetFormat } from '../dataset/file.js';
import { PLAIN_KEYS } from '../dataset/shapes/pairs.js';
import type { ShapeOptions } from '../dataset/shapes/shape.js';
import { readRecord } from '../dataset/shapes/shapes.js';
import {
  type FormCounts,
  type LineForm,
  LineWriter,
  NUMBER_BLANK,
  type PlainKind,
} from '../kernel/line-writer.js';
import type { RecordConverter } from './record-converter.js';
import { SpoolLines } from './spool-lines.js';
import type { RecordRows } from './walk.js';

/** A form, and what its records count as. */
interface PlainForm extends LineForm {
  readonly shape: string;
  readonly conversations: number;
  readonly roles: readonly string[];
}

/** How many kinds of records are looked at. Most datasets have one or two. */
const KINDS_MAX = 64;

/** Replaces a member's string. No dataset has it: the characters are for private use. */
const PLACEHOLDERS = /\ue000(\d+)\ue001/g;
const placeholder = (index: number) => `\ue000${index}\ue001`;

/** Where a line is copied, filled in, or left blank: see `SpoolLines`. */
const STEPS = /\ue000(\d+)\ue001|(?<=\{"id":)( {12})/;

let latest: { readonly name: string; readonly records: PlainRecords } | undefined;

/** What converts this thread's plain records with these options. */
export function plainRecordsFor(options: ShapeOptions, module: WebAssembly.Module): PlainRecords {
  const name = JSON.stringify(options);
  if (latest?.name !== name) latest = { name, records: new PlainRecords(module, options) };
  return latest.records;
}

/** Converts the plain records of batches. */
export class PlainRecords {
  private readonly options: ShapeOptions;
  private readonly writer: LineWriter<PlainForm>;
  private readonly kinds = new Set<string>();
  /** How many records were converted. */
  converted = 0;

  constructor(module: WebAssembly.Module, options: ShapeOptions) {
    this.options = options;
    this.writer = new LineWriter(module);
  }

  /** Starts the counts over. */
  begin(): void {
    this.writer.takeCounts();
  }

  /** Loads a batch for `convert`; false if it has too many bytes or records. */
  load({ bytes, records, base, offset }: RecordRows, format: DatasetFormat): boolean {
    return this.writer.load(bytes, records, base - offset, format === 'lines');
  }

  /**
   * Adds the lines of the loaded records from a row on to a converter.
   *
   * @returns the row of the first record that wasn't converted: it isn't plain, or has no room; or the number of rows
   */
  convert(row: number, converter: RecordConverter): number {
    for (;;) {
      const { count, bytes, blanks, unknown } = this.writer.write(row, converter.records);
      converter.addLines(count, bytes, blanks);
      row += count;
      this.converted += count;
      if (unknown === undefined || !this.learn(unknown)) return row;
    }
  }

  /** What was converted since `begin`, once. Its records aren't counted. */
  takeReport(): ConversionReport {
    return this.writer.takeCounts().map(reportOf).reduce(addReports, NOTHING_CONVERTED);
  }

  /** Makes the form of a kind; false if it can't have one. */
  private learn(kind: PlainKind): boolean {
    const name = JSON.stringify(kind);
    if (this.kinds.has(name) || this.kinds.size === KINDS_MAX) return false;
    this.kinds.add(name);
    const form = formOf(kind, this.options);
    return form !== undefined && this.writer.add(form);
  }
}

/** The form of records of a kind, from what a record of placeholders becomes. */
function formOf(kind: PlainKind, options: ShapeOptions): PlainForm | undefined {
  const keys = kind.map(({ key }) => key);
  if (new Set(keys).size < keys.length || !keys.every((key) => PLAIN_KEYS.has(key))) return undefined;
  const record = Object.fromEntries(
    kind.map(({ key, isEmpty }, index) => [key, isEmpty ? '' : placeholder(index)]),
  );
  const reading = readRecord(record, options);
  if (reading?.kind !== 'whole') return undefined;
  const { shape, conversations } = reading;
  const turns = conversations.flatMap((conversation) => conversation.turns);
  const prompts = turns.filter(({ from }) => from !== 'assistant').flatMap(({ value }) => indexesIn(value));
  const lines = new SpoolLines();
  for (const conversation of conversations) lines.add(conversation, 0);
  return {
    kind,
    steps: stepsOf(lines.take().bytes.toString()),
    turns: turns.map(({ value }) => ({
      characters: value.replace(PLACEHOLDERS, '').length,
      members: indexesIn(value),
    })),
    prompts,
    shape: shape.name,
    conversations: conversations.length,
    roles: turns.map(({ from }) => from),
  };
}

function reportOf({
  form: { shape, conversations, roles },
  counts: { records, characters, longest },
}: {
  form: PlainForm;
  counts: FormCounts;
}): ConversionReport {
  if (records === 0) return NOTHING_CONVERTED;
  const counted: Record<string, number> = {};
  for (const role of roles) counted[role] = (counted[role] ?? 0) + records;
  return {
    ...NOTHING_CONVERTED,
    conversations: conversations * records,
    turns: roles.length * records,
    texts: { roles: counted, characters, longest },
    shapes: { [shape]: records },
  };
}

/** The members whose placeholders a text has. */
function indexesIn(text: string): number[] {
  return [...text.matchAll(PLACEHOLDERS)].map(([, index]) => Number(index));
}

/** Takes lines apart at their placeholders and blanks. */
function stepsOf(lines: string): LineForm['steps'] {
  const [first = '', ...parts] = lines.split(STEPS);
  const steps: LineForm['steps'][number][] = [first];
  for (let i = 0; i < parts.length; i += 3) {
    const [index, , text = ''] = parts.slice(i, i + 3);
    steps.push(index === undefined ? NUMBER_BLANK : Number(index), text);
  }
  return steps;
}

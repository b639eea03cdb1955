/**
 * Writes the lines of plain records: the kernel copies their strings into forms. Parsing such a record, reading its shape and writing its
 * lines in TypeScript would cost ten times as much.
 */

import { RECORD, RECORD_NUMBERS } from './kernel.js';

/** The exports of `assembly/index.ts` that write lines. Addresses and lengths are in bytes of the instance's memory. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  layPlain(inputBytes: number, linesBytes: number, blankCount: number): void;
  plainRowsAt(): number;
  plainInputAt(): number;
  plainLinesAt(): number;
  plainLinesBytes(): number;
  plainBlanksAt(): number;
  plainBlankCount(): number;
  plainKindAt(): number;
  plainKindLength(): number;
  formAt(index: number): number;
  takeForm(): void;
  writePlain(
    row: number,
    rowsEnd: number,
    base: number,
    inputEnd: number,
    isLines: boolean,
    number: number,
  ): number;
}

// The same numbers as in `assembly/plain.ts`.
const ROWS_MAX = 4096;
const FORMS_MAX = 16;
const FORM_BYTES = 4096;
const FORM_HEAD_BYTES = 32;
const COUNTS_AT = 16;
const COUNTS_BYTES = 16;
const COPY = 0x8000_0000;
const BLANK = 0x4000_0000;

const INPUT_BYTES = 1 << 21;
const LINES_BYTES = 1 << 22;
const BLANKS_MAX = 1 << 14;

/** The members of a plain record: their keys as they are spelled, and whether their strings are empty. */
export type PlainKind = readonly { readonly key: string; readonly isEmpty: boolean }[];

/** What all records of a kind become. */
export interface LineForm {
  readonly kind: PlainKind;
  /** The lines: what they all have, gaps for the string of the member with that index, and blanks for the record's number. */
  readonly steps: readonly (string | number | typeof NUMBER_BLANK)[];
  /** The turns of the lines: how many characters they have in all records, and the indexes of their members. */
  readonly turns: readonly { readonly characters: number; readonly members: readonly number[] }[];
  /** The indexes of members that may not have the mark of a chat template: those in prompts. */
  readonly prompts: readonly number[];
}

/** A blank for the record's number, twelve bytes. */
export const NUMBER_BLANK = Symbol('number');

/** Lines of records in a row, and why there are no more. They are valid until the next call. */
export interface WrittenLines {
  /** How many records were written. */
  readonly count: number;
  readonly bytes: Uint8Array;
  /** For each blank its offset in the bytes, and the record's number. */
  readonly blanks: Uint32Array;
  /** The kind of the next record, if no form fits; undefined at the end, if it isn't plain, and if there is no room for its lines. */
  readonly unknown: PlainKind | undefined;
}

/** Writes lines with a kernel instance of its own. */
export class LineWriter<Form extends LineForm> {
  private readonly exports: Exports;
  /** The instance's whole memory, which never grows. */
  private readonly bytes: Buffer;
  private readonly rows: Uint32Array;
  private readonly forms: Form[] = [];
  /** The number of loaded rows, what to add to their starts, and the length of the input. */
  private loaded = { count: 0, base: 0, length: 0, isLines: false };

  constructor(module: WebAssembly.Module) {
    const exports = new WebAssembly.Instance(module).exports as unknown as Exports;
    this.exports = exports;
    exports.layPlain(INPUT_BYTES, LINES_BYTES, BLANKS_MAX);
    const { buffer } = exports.memory;
    this.bytes = Buffer.from(buffer);
    this.rows = new Uint32Array(buffer, exports.plainRowsAt(), ROWS_MAX * RECORD_NUMBERS);
  }

  /** Adds a form; false if there is no room for it. */
  add(form: Form): boolean {
    if (this.forms.length === FORMS_MAX) return false;
    const kind = Buffer.from(form.kind.map(({ key, isEmpty }) => `${key}"${isEmpty ? 'e' : 't'}`).join(''));
    const code = Buffer.concat(form.steps.map(codeOf));
    const turns = numbers(...form.turns.flatMap(({ characters, members }) => [characters, bitsOf(members)]));
    const padded = Buffer.concat([kind, Buffer.alloc(-kind.length & 3)]);
    if (FORM_HEAD_BYTES + padded.length + code.length + turns.length > FORM_BYTES) return false;
    const head = numbers(kind.length, code.length, bitsOf(form.prompts), form.turns.length, 0, 0, 0, 0);
    this.bytes.set(Buffer.concat([head, padded, code, turns]), this.exports.formAt(this.forms.length));
    this.forms.push(form);
    this.exports.takeForm();
    return true;
  }

  /**
   * Loads valid records for `write`.
   *
   * @param records rows of the kernel, in the order of their starts
   * @param base what to add to a start to get its place in the bytes
   * @returns false if there is no room for them
   */
  load(bytes: Uint8Array, records: Uint32Array, base: number, isLines: boolean): boolean {
    const count = records.length / RECORD_NUMBERS;
    const first = records[RECORD.start] as number;
    const lastRow = (count - 1) * RECORD_NUMBERS;
    const end = (records[lastRow + RECORD.start] as number) + (records[lastRow + RECORD.length] as number);
    const length = end - first;
    if (count > ROWS_MAX || length > INPUT_BYTES) return false;
    this.rows.set(records);
    this.bytes.set(bytes.subarray(base + first, base + end), this.exports.plainInputAt());
    this.loaded = { count, base: -first, length, isLines };
    return true;
  }

  /**
   * Writes the lines of the loaded records from a row on, up to the first that has no form, isn't plain, or has no room.
   *
   * @param number the number of the record in that row
   */
  write(row: number, number: number): WrittenLines {
    const { exports } = this;
    const { count, base, length, isLines } = this.loaded;
    const end = exports.writePlain(row, count, base, length, isLines, number - row);
    const linesAt = exports.plainLinesAt();
    return {
      count: end - row,
      bytes: this.bytes.subarray(linesAt, linesAt + exports.plainLinesBytes()),
      blanks: new Uint32Array(this.bytes.buffer, exports.plainBlanksAt(), 2 * exports.plainBlankCount()),
      unknown: end < count ? this.readKind() : undefined,
    };
  }

  /** The kind of the record that the last call of `writePlain` ended at. */
  private readKind(): PlainKind | undefined {
    const at = this.exports.plainKindAt();
    const text = this.bytes.toString('utf8', at, at + this.exports.plainKindLength());
    const members = [...text.matchAll(/([^"]*)"([et])/g)];
    if (members.length === 0) return undefined;
    return members.map(([, key = '', kind]) => ({ key, isEmpty: kind === 'e' }));
  }

  /** What was written with each form since the last call. */
  takeCounts(): { readonly form: Form; readonly counts: FormCounts }[] {
    return this.forms.map((form, index) => {
      const at = this.exports.formAt(index) + COUNTS_AT;
      const records = this.bytes.readUInt32LE(at);
      const longest = this.bytes.readUInt32LE(at + 4);
      const characters = Number(this.bytes.readBigUInt64LE(at + 8));
      this.bytes.fill(0, at, at + COUNTS_BYTES);
      return { form, counts: { records, longest, characters } };
    });
  }
}

/** How many records were written with a form, the length of the longest text of a turn, and that of all of them together, in characters. */
export interface FormCounts {
  readonly records: number;
  readonly longest: number;
  readonly characters: number;
}

function numbers(...list: readonly number[]): Buffer {
  return Buffer.from(Uint32Array.from(list).buffer);
}

function bitsOf(indexes: readonly number[]): number {
  return indexes.reduce((bits, index) => bits | (1 << index), 0);
}

function codeOf(step: LineForm['steps'][number]): Buffer {
  if (typeof step !== 'string') {
    return numbers(typeof step === 'number' ? COPY + step : BLANK);
  }
  const bytes = Buffer.from(step);
  return Buffer.concat([numbers(bytes.length), bytes, Buffer.alloc(-bytes.length & 3)]);
}

/**
 * Reads a group of rows of a Parquet file some rows at a time. hyparquet's own functions read whole groups, and a group, or one page, may
 * hold gigabytes; these are the functions that they call.
 */

import { type ColumnMetaData, type Compressors, type FileMetaData, parquetSchema } from 'hyparquet';
import { assembleLists, assembleNested } from 'hyparquet/src/assemble.js';
import { parquetHeader } from 'hyparquet/src/column.js';
import { getMaxRepetitionLevel, isFlatColumn } from 'hyparquet/src/schema.js';
import type { ColumnDecoder, DecodedArray, PageHeader, SchemaTree } from 'hyparquet/src/types.js';
import { FileChangedError, isSystemError } from '../dataset/file.js';
import { DamagedError, damageIn } from './damaged.js';
import { Page, pageBytes } from './parquet-page.js';
import { type Read, readHead } from './parquet-pages.js';
import { decoderOf, PARSERS } from './parquet-parsers.js';
import { dictionaryOf } from './parquet-values.js';

/** Rows that are put together at once. */
const ROWS_MAX = 1 << 10;

/** The rows of a group, up to the end of its shortest column. */
export function* rowsOfGroup(
  read: Read,
  metadata: FileMetaData,
  index: number,
  compressors: Compressors,
): Generator<Record<string, unknown>> {
  const schema = parquetSchema(metadata);
  const columns = (metadata.row_groups[index]?.columns ?? []).flatMap(({ meta_data }) =>
    meta_data === undefined ? [] : new ColumnPages(read, meta_data, schema, compressors),
  );
  const fields = schema.children.flatMap((field) => fieldOf(field, columns));
  for (;;) {
    let count = ROWS_MAX;
    for (const column of columns) count = Math.min(count, column.load());
    if (count === 0 || columns.length === 0) return;
    const taken = fields.map(({ name, take }) => ({ name, values: take(count) }));
    for (let row = 0; row < count; row++) {
      yield Object.fromEntries(taken.map(({ name, values }) => [name, values[row]]));
    }
  }
}

interface Field {
  readonly name: string;
  readonly take: (count: number) => DecodedArray;
}

/** A field of the rows; none if the group lacks it. */
function fieldOf(field: SchemaTree, all: readonly ColumnPages[]): Field[] {
  const { name } = field.element;
  const columns = all.filter(({ path }) => path[0] === name);
  const [column] = columns;
  if (column === undefined) return [];
  if (field.children.length === 0) return [{ name, take: (count) => column.take(count) }];
  const take = (count: number) => {
    const taken = new Map(columns.map((each) => [each.path.join('.'), each.take(count)]));
    assembleNested(taken, field, PARSERS);
    return taken.get(name) ?? [];
  };
  return [{ name, take }];
}

/** The pages of one column of a group, and the rows that were read of them. */
class ColumnPages {
  /** The path in the schema. */
  readonly path: readonly string[];
  private readonly read: Read;
  private readonly decoder: ColumnDecoder;
  private readonly isFlat: boolean;
  /** True if the last row that was read may go on in the next page. */
  private readonly hasLists: boolean;
  private at: number;
  private readonly end: number;
  private dictionary: DecodedArray | undefined;
  private page: Page | undefined;
  /** Rows that were not taken yet: those from `taken` on. */
  private rows: DecodedArray = [];
  private taken = 0;

  constructor(read: Read, column: ColumnMetaData, schema: SchemaTree, compressors: Compressors) {
    this.read = read;
    this.path = column.path_in_schema;
    this.decoder = decoderOf(column, schema, compressors);
    const { schemaPath } = this.decoder;
    this.isFlat = isFlatColumn(schemaPath);
    this.hasLists = getMaxRepetitionLevel(schemaPath) > 0;
    this.at = Number(column.dictionary_page_offset || column.data_page_offset);
    this.end = this.at + Number(column.total_compressed_size);
  }

  /**
   * Reads until there is a whole row, and returns the number of those; 0 at the column's end.
   *
   * @throws DamagedError that names the column
   */
  load(): number {
    try {
      for (;;) {
        const isEnd = this.page === undefined && this.at >= this.end;
        const count = this.rows.length - this.taken - (this.hasLists && !isEnd ? 1 : 0);
        if (count > 0 || isEnd) return Math.max(0, count);
        if (this.page === undefined) this.openPage();
        else this.readChunk(this.page);
      }
    } catch (error) {
      if (isSystemError(error) || error instanceof FileChangedError || !(error instanceof Error)) throw error;
      throw new DamagedError(`column ${this.path.join('.')}: ${damageIn(error, 'a page')}`);
    }
  }

  /** Takes rows. */
  take(count: number): DecodedArray {
    const from = this.taken;
    this.taken += count;
    return this.rows.slice(from, this.taken);
  }

  private readChunk(page: Page): void {
    const { values, definition, repetition } = page.next();
    if (page.isRead) this.page = undefined;
    const rest = this.hasLists ? (this.rows.slice(this.taken) as unknown[]) : [];
    this.taken = 0;
    const isWhole = this.isFlat && definition === undefined;
    this.rows = isWhole
      ? values
      : assembleLists(
          rest,
          definition as unknown as number[] | undefined,
          (repetition ?? []) as number[],
          values,
          this.decoder.schemaPath,
        );
  }

  private openPage(): void {
    const { head, length } = this.readHead();
    const start = this.at + length;
    this.at = start + head.compressed_page_size;
    if (head.type !== 'DICTIONARY_PAGE' && head.type !== 'DATA_PAGE' && head.type !== 'DATA_PAGE_V2') return;
    const bytes = pageBytes(this.read, start, head, this.decoder);
    if (head.dictionary_page_header !== undefined) {
      this.dictionary = dictionaryOf(bytes.values, head.dictionary_page_header.num_values, this.decoder);
      return;
    }
    const page = new Page(bytes, head, this.decoder, this.dictionary);
    if (!page.isRead) this.page = page;
  }

  /** The head of the next page, and its length. */
  private readHead(): { head: PageHeader; length: number } {
    return readHead(this.read, this.at, this.end, ({ buffer, byteOffset, length }) => {
      const reader = { view: new DataView(buffer, byteOffset, length), offset: 0 };
      return { head: parquetHeader(reader), length: reader.offset };
    });
  }
}

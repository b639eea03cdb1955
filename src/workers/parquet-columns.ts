/**
 * Reads a group of rows of a Parquet file a page at a time. hyparquet's own functions read whole groups, and a group may hold gigabytes;
 * these are the functions that they call.
 */

import { type ColumnMetaData, type Compressors, type FileMetaData, parquetSchema } from 'hyparquet';
import { assembleNested } from 'hyparquet/src/assemble.js';
import { parquetHeader, readPage } from 'hyparquet/src/column.js';
import { convert, DEFAULT_PARSERS } from 'hyparquet/src/convert.js';
import { decompressPage } from 'hyparquet/src/datapage.js';
import { getTreePath, isFlatColumn } from 'hyparquet/src/schema.js';
import type { ColumnDecoder, DecodedArray, PageHeader, SchemaTree } from 'hyparquet/src/types.js';
import { type Read, readHead } from './parquet-pages.js';
import { assertRuns } from './parquet-runs.js';

/** Rows of structures that are put together at once. */
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
  for (;;) {
    let count = ROWS_MAX;
    for (const column of columns) count = Math.min(count, column.load());
    if (count === 0 || columns.length === 0) return;
    const taken = new Map(columns.map((column) => [column.name, column.take(count)]));
    const fields = schema.children.flatMap((field) => {
      const values = valuesOf(field, taken);
      return values === undefined ? [] : [{ name: field.element.name, values }];
    });
    for (let row = 0; row < count; row++) {
      yield Object.fromEntries(fields.map(({ name, values }) => [name, values[row]]));
    }
  }
}

/** The values of a field in some rows; undefined if the group lacks it. */
function valuesOf(field: SchemaTree, taken: ReadonlyMap<string, DecodedArray>): DecodedArray | undefined {
  const { name } = field.element;
  if (field.children.length === 0) return taken.get(name);
  const columns = new Map([...taken].filter(([path]) => path.startsWith(`${name}.`)));
  if (columns.size === 0) return undefined;
  assembleNested(columns, field, DEFAULT_PARSERS);
  return columns.get(name);
}

/** The pages of one column of a group, and the rows that were read of them. */
class ColumnPages {
  /** The path in the schema, with dots. */
  readonly name: string;
  private readonly read: Read;
  private readonly decoder: ColumnDecoder;
  private readonly isFlat: boolean;
  private at: number;
  private readonly end: number;
  private dictionary: DecodedArray | undefined;
  /** Rows that were not taken yet: those from `taken` on. The last one of a nested column may go on in the next page. */
  private rows: DecodedArray = [];
  private taken = 0;

  constructor(read: Read, column: ColumnMetaData, schema: SchemaTree, compressors: Compressors) {
    const { path_in_schema: pathInSchema, dictionary_page_offset, data_page_offset } = column;
    const schemaPath = getTreePath(schema, pathInSchema);
    this.read = read;
    this.name = pathInSchema.join('.');
    const element = (schemaPath.at(-1) as SchemaTree).element;
    this.decoder = { ...column, pathInSchema, element, schemaPath, compressors, parsers: DEFAULT_PARSERS };
    this.isFlat = isFlatColumn(schemaPath);
    this.at = Number(dictionary_page_offset || data_page_offset);
    this.end = this.at + Number(column.total_compressed_size);
  }

  /** Reads pages until there is a whole row, and returns the number of those; 0 at the column's end. */
  load(): number {
    for (;;) {
      const isOpen = !this.isFlat && this.at < this.end;
      const count = this.rows.length - this.taken - (isOpen ? 1 : 0);
      if (count > 0 || this.at >= this.end) return Math.max(0, count);
      this.readPage();
    }
  }

  /** Takes rows. */
  take(count: number): DecodedArray {
    const from = this.taken;
    this.taken += count;
    return this.rows.slice(from, this.taken);
  }

  private readPage(): void {
    const { head, length } = this.readHead();
    const start = this.at + length;
    this.at = start + head.compressed_page_size;
    const bytes = this.read(start, this.at);
    const page = { view: new DataView(bytes), offset: 0 };
    const { decoder, dictionary } = this;
    if (head.type === 'DICTIONARY_PAGE') {
      const { data } = readPage(page, head, decoder, dictionary, undefined, 0);
      if (data !== undefined) this.dictionary = convert(data, decoder);
      return;
    }
    // Of a flat column, all rows were taken.
    const rest = this.rows.slice(this.taken);
    this.taken = 0;
    const plain = decompressed(new Uint8Array(bytes), head, decoder);
    assertRuns(plain.page, head, decoder);
    const { data = [] } = readPage(
      { view: new DataView(plain.page.buffer, plain.page.byteOffset, plain.page.length), offset: 0 },
      plain.head,
      { ...decoder, codec: 'UNCOMPRESSED' },
      dictionary,
      this.isFlat ? undefined : rest,
      0,
    );
    this.rows = data;
  }

  /** The head of the next page, and its length. */
  private readHead(): { head: ReturnType<typeof parquetHeader>; length: number } {
    return readHead(this.read, this.at, this.end, ({ buffer, byteOffset, length }) => {
      const reader = { view: new DataView(buffer, byteOffset, length), offset: 0 };
      return { head: parquetHeader(reader), length: reader.offset };
    });
  }
}

/** A page without its compression. In version 2, the levels before the values aren't compressed. */
function decompressed(
  bytes: Uint8Array,
  head: PageHeader,
  { codec, compressors }: ColumnDecoder,
): { page: Uint8Array; head: PageHeader } {
  const v2 = head.data_page_header_v2;
  const levels = v2 === undefined ? 0 : v2.repetition_levels_byte_length + v2.definition_levels_byte_length;
  const length = head.uncompressed_page_size - levels;
  const isPlain = v2?.is_compressed === false || length === 0;
  const values = isPlain
    ? bytes.subarray(levels)
    : decompressPage(bytes.subarray(levels), length, codec, compressors);
  const page = levels === 0 ? values : Buffer.concat([bytes.subarray(0, levels), values]);
  return {
    page,
    head: {
      ...head,
      compressed_page_size: page.length,
      ...(v2 !== undefined && { data_page_header_v2: { ...v2, is_compressed: false } }),
    },
  };
}

/** How the values of Parquet become values of JavaScript. */

import type { ColumnMetaData, Compressors } from 'hyparquet';
import { DEFAULT_PARSERS } from 'hyparquet/src/convert.js';
import { getTreePath } from 'hyparquet/src/schema.js';
import type { ColumnDecoder, SchemaTree } from 'hyparquet/src/types.js';

/** hyparquet's, with a faster one for texts. Shapes have no use for places on Earth, and may be null. */
export const PARSERS = {
  ...DEFAULT_PARSERS,
  stringFromBytes: (bytes: Uint8Array) =>
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(),
  geometryFromBytes: () => null,
  geographyFromBytes: () => null,
};

/** Kinds of values that hyparquet refuses to read. */
const UNREADABLE: ReadonlySet<string | undefined> = new Set(['INTERVAL', 'BSON']);

/** How a column is decoded. Values that can't be read stay bytes, which count as null. */
export function decoderOf(
  column: ColumnMetaData,
  schema: SchemaTree,
  compressors: Compressors,
): ColumnDecoder {
  const pathInSchema = column.path_in_schema;
  const schemaPath = getTreePath(schema, pathInSchema);
  const { element } = schemaPath.at(-1) as SchemaTree;
  const decoder = { ...column, pathInSchema, element, schemaPath, compressors, parsers: PARSERS };
  if (!UNREADABLE.has(element.converted_type)) return decoder;
  const { converted_type: _, ...bytes } = element;
  return { ...decoder, element: bytes, utf8: false };
}

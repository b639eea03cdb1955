/** The values of tables, as JSON has them. */

/** A row of a table. It is a record, even if all its columns are lists: only a value in it may be a structure of lists. */
export function jsonRow(row: object): Record<string, unknown> {
  return mapValues(row, jsonValue);
}

/** A value of a row as JSON has it: without 64-bit integers, dates and bytes, and with lists of structures in place of structures of lists. */
function jsonValue(value: unknown): unknown {
  if (typeof value === 'bigint') {
    return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  }
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (ArrayBuffer.isView(value)) return isBytes(value) ? null : Array.from(value as never, jsonValue);
  if (Array.isArray(value)) return mapList(value, jsonValue);
  const fields = mapValues(value instanceof Map ? Object.fromEntries(value) : value, jsonValue);
  return rowsOf(Object.entries(fields)) ?? fields;
}

function isBytes(view: ArrayBufferView): boolean {
  return view instanceof Uint8Array || view instanceof DataView;
}

/** The object itself if nothing changes: most values are texts. */
function mapValues(fields: object, map: (value: unknown) => unknown): Record<string, unknown> {
  let mapped: Record<string, unknown> | undefined;
  for (const [key, value] of Object.entries(fields)) {
    const other = map(value);
    if (other === value) continue;
    mapped ??= Object.fromEntries(Object.entries(fields));
    mapped[key] = other;
  }
  return mapped ?? (fields as Record<string, unknown>);
}

/** The list itself if nothing changes. */
function mapList(list: readonly unknown[], map: (value: unknown) => unknown): readonly unknown[] {
  let mapped: unknown[] | undefined;
  for (const [i, value] of list.entries()) {
    const other = map(value);
    if (other === value) continue;
    mapped ??= [...list];
    mapped[i] = other;
  }
  return mapped ?? list;
}

/** The structures that lists of their fields hold; undefined unless all fields are lists of the same length. */
function rowsOf(fields: readonly (readonly [string, unknown])[]): object[] | undefined {
  const [first] = fields;
  if (fields.length < 2 || !Array.isArray(first?.[1])) return undefined;
  const { length } = first[1];
  if (!fields.every(([, list]) => Array.isArray(list) && list.length === length)) return undefined;
  return Array.from({ length }, (_, i) =>
    Object.fromEntries(fields.map(([key, list]) => [key, (list as unknown[])[i]])),
  );
}

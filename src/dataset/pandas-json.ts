/**
 * Tables as pandas' `to_json` writes them: an object of columns, `{"prompt": {"0": …}}`, of rows, `{"0": {"prompt": …}}`, or of the names of
 * columns and lists of fields, `{"columns": ["prompt"], "index": [0], "data": [[…]]}`.
 */

import { isObject, type JsonObject } from './shapes/record.js';

/** The number of a row. */
const NUMBER = /^\d+$/;

/** The rows of a table, in order; undefined if a value isn't one. */
export function rowsIn(value: unknown): readonly JsonObject[] | undefined {
  if (!isObject(value)) return undefined;
  if ('columns' in value) return splitRows(value);
  const entries = Object.entries(value);
  const objects = entries.filter((entry): entry is [string, JsonObject] => isObject(entry[1]));
  if (entries.length === 0 || objects.length < entries.length) return undefined;
  if (hasNumbers(value)) return objects.map(([, row]) => row);
  const [[, first] = ['', {}]] = objects;
  const numbers = Object.keys(first).join();
  const isTable = objects.every(([, column]) => hasNumbers(column) && Object.keys(column).join() === numbers);
  if (!isTable) return undefined;
  return Object.keys(first).map((row) =>
    Object.fromEntries(objects.map(([name, column]) => [name, column[row]])),
  );
}

/** The rows of a table that has the names of its columns apart from them. */
function splitRows({ columns, data }: JsonObject): readonly JsonObject[] | undefined {
  if (!Array.isArray(columns) || !Array.isArray(data) || data.length === 0) return undefined;
  const isRow = (row: unknown) => Array.isArray(row) && row.length === columns.length;
  if (!columns.every((name) => typeof name === 'string') || !data.every(isRow)) return undefined;
  return data.map((row: unknown[]) => Object.fromEntries(columns.map((name, i) => [name, row[i]])));
}

/** True if a value seems to be such a table, by the start of its JSON. */
export function beginsTable(json: string): boolean {
  return /^\s*\{\s*"(?:[^"\\]|\\.)*"\s*:\s*\{\s*"\d+"\s*:/.test(json) || /^\s*\{\s*"\d+"\s*:\s*\{/.test(json);
}

function hasNumbers(table: JsonObject): boolean {
  const keys = Object.keys(table);
  return keys.length > 0 && keys.every((key) => NUMBER.test(key));
}

/** Tables as pandas' `to_json` writes them: an object of columns, `{"prompt": {"0": …}}`, or of rows, `{"0": {"prompt": …}}`. */

import { isObject, type JsonObject } from './shapes/record.js';

/** The number of a row. */
const NUMBER = /^\d+$/;

/** The rows of a table, in order; undefined if a value isn't one. */
export function rowsIn(value: unknown): readonly JsonObject[] | undefined {
  if (!isObject(value)) return undefined;
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

/** True if a value seems to be such a table, by the start of its JSON. */
export function beginsTable(json: string): boolean {
  return /^\s*\{\s*"(?:[^"\\]|\\.)*"\s*:\s*\{\s*"\d+"\s*:/.test(json) || /^\s*\{\s*"\d+"\s*:\s*\{/.test(json);
}

function hasNumbers(table: JsonObject): boolean {
  const keys = Object.keys(table);
  return keys.length > 0 && keys.every((key) => NUMBER.test(key));
}

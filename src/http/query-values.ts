/** Converts the named fields of a query from strings to integers or booleans, where they look like one. */
export function valuesOf(query: Readonly<Record<string, unknown>>, ...names: readonly string[]): object {
  const values = { ...query };
  for (const name of names) {
    const text = values[name];
    if (typeof text === 'string' && /^(?:0|-?[1-9]\d{0,14}|true|false)$/.test(text))
      values[name] = JSON.parse(text);
  }
  return values;
}

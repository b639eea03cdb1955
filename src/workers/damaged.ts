/** A table isn't valid. The message says what is wrong. */
export class DamagedError extends Error {
  override readonly name = 'DamagedError';
}

/**
 * What is wrong with a table. Libraries that read after the end of their bytes throw errors of JavaScript, which don't say it.
 *
 * @param part what was read, such as `a page`
 */
export function damageIn(error: Error, part: string): string {
  const isOfJavaScript = error instanceof RangeError || error instanceof TypeError;
  return isOfJavaScript ? `${part} is damaged` : error.message;
}

/** A setting that can't be used. Its message is one line that names the setting. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Describes the expected value; its message follows "expected". */
export class Expected extends Error {}

/**
 * The result of `parse`.
 *
 * @param source where the value was given
 * @param got the end of the message: which value was given
 * @throws ConfigError that names the source of the value, if `parse` rejects it
 */
export function named<T>(source: string, got: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    throw new ConfigError(`${source}: expected ${error.message}${got}`);
  }
}

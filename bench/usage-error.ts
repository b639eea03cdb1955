/** A request that can't be met. Its message is one line that says what was expected. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

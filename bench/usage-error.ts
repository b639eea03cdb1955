/** What can't be done as it was asked for. Its message is one line that says what was expected. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Thrown in a process that answers beside the main one, for what only the main process can answer: the request is passed on to it. It isn't
 * an `AppError`, so that nothing turns it into an answer.
 */
export class PassedOn extends Error {
  override readonly name = 'PassedOn';
}

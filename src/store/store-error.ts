/** The store can't answer now: it is away or overloaded, or a part of it has no master. A command that was sent may have been run. */
export class StoreAwayError extends Error {
  override readonly name = 'StoreAwayError';
}

/** The store refused a command, with this message. Trying again does not help. */
export class StoreRefusalError extends Error {
  override readonly name = 'StoreRefusalError';
}

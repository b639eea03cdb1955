let number: Intl.NumberFormat | undefined;

/** Formats a count with its noun: `1 turn`, `588,000 turns`. */
export function counted(count: number, singular: string, plural = `${singular}s`): string {
  // Created on first use: this takes as long as starting a thread.
  number ??= new Intl.NumberFormat('en-US');
  return `${number.format(count)} ${count === 1 ? singular : plural}`;
}

let number: Intl.NumberFormat | undefined;

/** A number of things in words: `1 turn`, `588,000 turns`. */
export function counted(count: number, singular: string, plural = `${singular}s`): string {
  // Made when it is first needed: that takes as long as starting a thread.
  number ??= new Intl.NumberFormat('en-US');
  return `${number.format(count)} ${count === 1 ? singular : plural}`;
}

const number = new Intl.NumberFormat('en-US');

/** A number of things in words: `1 turn`, `588,000 turns`. */
export function counted(count: number, singular: string, plural = `${singular}s`): string {
  return `${number.format(count)} ${count === 1 ? singular : plural}`;
}

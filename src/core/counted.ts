/** Formats a whole number with its noun: `1 turn`, `588,000 turns`. */
export function counted(count: number, singular: string, plural = `${singular}s`): string {
  // `Intl.NumberFormat` does the same, but loading its tables takes as long as starting a thread.
  const number = String(count).replace(/\B(?=(?:\d{3})+$)/g, ',');
  return `${number} ${count === 1 ? singular : plural}`;
}

/** Tells how far the benchmark is, on standard error: what it found out goes to standard output. */
export function say(text: string): void {
  process.stderr.write(text);
}

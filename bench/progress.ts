/** Reports the progress of the benchmark on standard error: the results go to standard output. */
export function say(text: string): void {
  process.stderr.write(text);
}

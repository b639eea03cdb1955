/** Cleanup at the end of a test file. Files of a project without isolation share a process and its modules. */

type Act = () => unknown;

const acts: Act[] = [];

/** Registers a cleanup for the end of the test file. The last one registered runs first. */
export function atEndOfFile(act: Act): void {
  acts.push(act);
}

/** Runs all cleanups. */
export async function endFile(): Promise<void> {
  for (let act = acts.pop(); act !== undefined; act = acts.pop()) await act();
}

/** Cleanup at the end of a test file. Files of a project without isolation share a process and its modules. */

type Act = () => unknown;

const closings: Act[] = [];
const removals: Act[] = [];

/** Registers a cleanup for the end of the test file. They run at the same time: a server waits half a second for its last clients. */
export function atEndOfFile(act: Act): void {
  closings.push(act);
}

/** Registers a cleanup that runs after those. The last one registered runs first. */
export function afterEndOfFile(act: Act): void {
  removals.push(act);
}

/** Runs all cleanups. */
export async function endFile(): Promise<void> {
  await Promise.all(closings.splice(0).map((act) => act()));
  for (const act of removals.splice(0).reverse()) await act();
}

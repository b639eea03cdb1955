/** What a test file leaves to do when it is through. Files of a project that isn't isolated share a process, and its modules. */

type Act = () => unknown;

const acts: Act[] = [];

/** Does something when the test file is through: what came last goes first. */
export function atEndOfFile(act: Act): void {
  acts.push(act);
}

/** Does all of it. */
export async function endFile(): Promise<void> {
  for (let act = acts.pop(); act !== undefined; act = acts.pop()) await act();
}

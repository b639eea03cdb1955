import { fork } from 'node:child_process';
import { once } from 'node:events';

/**
 * Runs a script in its own process, whose heap holds nothing else, sends it a task, and waits for the result.
 *
 * @param script its path
 * @throws Error if the process exits before it has sent a result
 */
export async function inOwnProcess<T extends object>(script: URL, task: object): Promise<T> {
  const child = fork(script, { serialization: 'advanced' });
  const ended = once(child, 'exit');
  const answered = once(child, 'message').then(([found]) => found as T);
  // The exit may be reported before the last messages; the end of the channel isn't.
  const silent = once(child, 'disconnect').then(() => undefined);
  child.send(task);
  const found = await Promise.race([answered, silent]);
  const [code] = await ended;
  if (found === undefined) throw new Error(`${script.pathname} ended with ${code}`);
  return found;
}

/** The task that the parent sent. The process exits when the parent disconnects. */
export async function taskOf<T>(): Promise<T> {
  process.once('disconnect', () => process.exit());
  const [task] = (await once(process, 'message')) as [T];
  return task;
}

/** Sends the script's result. Nothing can be sent after that. */
export function answer(found: object): void {
  process.send?.(found, () => process.disconnect());
}

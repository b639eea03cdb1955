import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/**
 * Gives a task to a script in a process of its own, whose heap holds nothing else, and waits for what it sends back.
 *
 * @param script its name, beside this file
 */
export async function inOwnProcess<T extends object>(script: string, task: object): Promise<T> {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), { serialization: 'advanced' });
  const ended = once(child, 'exit');
  const answered = once(child, 'message');
  child.send(task);
  const [answer] = (await Promise.race([answered, ended])) as [T | number | null];
  await ended;
  if (answer === null || typeof answer === 'number') throw new Error(`${script} ended with ${answer}`);
  return answer;
}

/** What the script was given. */
export async function taskOf<T>(): Promise<T> {
  const [task] = (await once(process, 'message')) as [T];
  return task;
}

/** Sends back what the script found out. Nothing can be sent after that. */
export function answer(found: object): void {
  process.send?.(found);
  process.disconnect();
}

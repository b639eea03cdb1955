/** The threads' side of `threads.ts`: takes tasks from the thread that started this one, and sends what they return. */

import { parentPort } from 'node:worker_threads';
import type { TaskResult } from './tasks.js';

/** Sent once the thread has loaded its modules. */
export const READY = 'ready';

/** Asks for the result of a task. */
export interface Order {
  readonly id: number;
  /** The name of the task. */
  readonly name: string;
  /** What it is called with. */
  readonly task: unknown;
}

/** What became of the task with that id: its result, or the error that it has thrown. */
export type Reply =
  | { readonly id: number; readonly result: TaskResult<unknown> }
  | { readonly id: number; readonly error: string };

type Task = (task: never) => TaskResult<unknown> | Promise<TaskResult<unknown>>;

/** Runs each task that this thread is given, from now on, by its name. */
export function runTasks(tasks: Readonly<Record<string, Task>>): void {
  const send = (reply: Reply | typeof READY) => parentPort?.postMessage(reply);
  parentPort?.on('message', async ({ id, name, task }: Order) => {
    try {
      send({ id, result: await (tasks[name] as Task)(task as never) });
    } catch (error) {
      send({ id, error: String(error) });
    }
  });
  send(READY);
}

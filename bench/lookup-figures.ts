import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('./lookup-times.js', import.meta.url));

/** What is looked up in the other process. */
export interface LookupTask {
  readonly path: string;
  /** Looked up first, and not counted. */
  readonly warmUp: readonly string[];
  readonly measured: readonly string[];
}

/** What a lookup costs, in microseconds. */
export interface LookupFigures {
  readonly medianMicroseconds: number;
  readonly percentile99Microseconds: number;
}

/** Looks prompts up by the index, without a cache, in a process of their own, whose heap holds nothing else. */
export async function measureLookups(task: LookupTask): Promise<LookupFigures> {
  const child = fork(program, { serialization: 'advanced' });
  const ended = once(child, 'exit');
  const answered = once(child, 'message');
  child.send(task);
  const [figures] = (await Promise.race([answered, ended])) as [LookupFigures | number | null];
  await ended;
  if (figures === null || typeof figures === 'number')
    throw new Error(`the process that looks up ended with ${figures}`);
  return figures;
}

import { allInSteps } from '../core/steps.js';
import type { DatasetError } from '../dataset/dataset-error.js';
import { type FileIdentity, isSameFile } from '../dataset/file.js';
import { type FileGroup, identityOfGroup, keyOf } from './joined-files.js';
import { nextRetry, type Retry } from './retry.js';

/** Why files are left out, and which state of them. */
interface Refusal {
  readonly group: FileGroup;
  readonly error: DatasetError;
  readonly file: FileIdentity | undefined;
  readonly retry: Retry;
}

/** Files that can't be served. */
export class Refusals {
  private readonly all = new Map<string, Refusal>();

  get errors(): readonly DatasetError[] {
    return [...this.all.values()].map(({ error }) => error);
  }

  /** Returns true unless the same reason is already known. */
  add(group: FileGroup, { error, file }: Pick<Refusal, 'error' | 'file'>): boolean {
    const key = keyOf(group);
    const last = this.all.get(key);
    this.all.set(key, { group, error, file, retry: nextRetry(last?.retry, performance.now()) });
    return last?.error.message !== error.message;
  }

  delete(group: FileGroup): void {
    this.all.delete(keyOf(group));
  }

  /** True if a state of the files is known to be invalid. */
  hasAny(group: FileGroup): boolean {
    return this.all.has(keyOf(group));
  }

  /** True if the files aren't to be tried again yet: they haven't changed, and are invalid or couldn't be read just now. */
  has(group: FileGroup): boolean {
    const refusal = this.all.get(keyOf(group));
    return refusal !== undefined && !isDue(refusal);
  }

  /** True if some files are to be tried again. */
  async hasDue(): Promise<boolean> {
    return (await allInSteps([...this.all.values()], isDue)).includes(true);
  }

  /** Forgets what was found about files other than these. */
  forgetOthers(paths: readonly string[]): void {
    const known = new Set(paths);
    for (const [key, { group }] of this.all)
      if (![group.path, ...group.others].every((path) => known.has(path))) this.all.delete(key);
  }
}

function isDue({ group, error, file, retry }: Refusal): boolean {
  if (error.isTransient) return performance.now() >= retry.atMs;
  const now = identityOfGroup(group);
  return now === undefined || file === undefined || !isSameFile(now, file);
}

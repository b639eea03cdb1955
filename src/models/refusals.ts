import type { DatasetError } from '../dataset/dataset-error.js';
import { type FileIdentity, isSameFile } from '../dataset/file.js';
import { type FileGroup, identityOfGroup, keyOf } from './joined-files.js';

/** Why files are left out, and which state of them. */
interface Refusal {
  readonly group: FileGroup;
  readonly error: DatasetError;
  readonly file: FileIdentity | undefined;
}

/** Files that can't be served. */
export class Refusals {
  private readonly all = new Map<string, Refusal>();

  get errors(): readonly DatasetError[] {
    return [...this.all.values()].map(({ error }) => error);
  }

  /** Returns true unless the same reason is already known. */
  add(group: FileGroup, { error, file }: Omit<Refusal, 'group'>): boolean {
    const key = keyOf(group);
    const isNew = this.all.get(key)?.error.message !== error.message;
    this.all.set(key, { group, error, file });
    return isNew;
  }

  delete(group: FileGroup): void {
    this.all.delete(keyOf(group));
  }

  /** True if a state of the files is known to be invalid. */
  hasAny(group: FileGroup): boolean {
    return this.all.has(keyOf(group));
  }

  /** True if their current state is known to be invalid. */
  has(group: FileGroup): boolean {
    const refusal = this.all.get(keyOf(group));
    if (refusal === undefined || refusal.error.isTransient) return false;
    const now = identityOfGroup(group);
    return now !== undefined && refusal.file !== undefined && isSameFile(now, refusal.file);
  }

  /** Forgets what was found about files other than these. */
  forgetOthers(paths: readonly string[]): void {
    const known = new Set(paths);
    for (const [key, { group }] of this.all)
      if (![group.path, ...group.others].every((path) => known.has(path))) this.all.delete(key);
  }
}

import { statSync } from 'node:fs';

/** True if a path names several files: a folder, or a pattern with `*` or `?` that isn't the name of a file. */
export function isSeveral(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return /[*?]/.test(path);
  }
}

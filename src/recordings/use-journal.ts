import { appendFile } from 'node:fs/promises';
import { USE_WRITE_MS, USED_IDS_MAX } from '../core/limits.js';

/**
 * Notes in a file of its own which recordings have answered: a line for each of them and each day, which has a time and the id as JSON.
 * The time isn't that of the use, but that from which on this process would have noted another use: its start, or midnight in UTC.
 */
export class UseJournal {
  private readonly path: string;
  private readonly now: () => number;
  private readonly onError: (error: unknown) => void;
  private since: string;
  private readonly noted = new Set<string>();
  private pending: string[] = [];
  private timer: NodeJS.Timeout | undefined;
  private written: Promise<void> = Promise.resolve();

  /** @param onError is called if the file can't be written */
  constructor(path: string, now: () => number, onError: (error: unknown) => void) {
    this.path = path;
    this.now = now;
    this.onError = onError;
    this.since = new Date(now()).toISOString();
  }

  /** Notes a use, to be written at most `USE_WRITE_MS` later. */
  note(id: string): void {
    const day = new Date(this.now()).toISOString().slice(0, DAY_LENGTH);
    if (day > this.since) {
      this.since = `${day}T00:00:00.000Z`;
      this.noted.clear();
    }
    if (this.noted.has(id)) return;
    if (this.noted.size >= USED_IDS_MAX) this.noted.clear();
    this.noted.add(id);
    this.pending.push(`${this.since} ${JSON.stringify(id)}\n`);
    this.timer ??= setTimeout(() => this.write(), USE_WRITE_MS).unref();
  }

  /** Writes what is noted. */
  async close(): Promise<void> {
    this.write();
    await this.written;
  }

  private write(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.pending.length === 0) return;
    const text = this.pending.join('');
    this.pending = [];
    this.written = this.written
      .then(() => appendFile(this.path, text, { mode: 0o600 }))
      .catch((error: unknown) => this.onError(error));
  }
}

/** The length of a date. */
const DAY_LENGTH = 10;

/** The path of the journal of a file of recordings. */
export function journalPathOf(path: string): string {
  return `${path}.used`;
}

/** A line of a journal: a time, which dates can be compared with as text, and an id. Undefined for a line that is damaged. */
export function parseUse(line: string): { readonly since: string; readonly id: string } | undefined {
  const [, since = '', spelled = ''] = /^(\d{4}-\S+Z) (".*")$/.exec(line) ?? [];
  const ms = Date.parse(since);
  // Of a day that doesn't exist, such as February 30, another one is made.
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== since) return undefined;
  try {
    return { since, id: JSON.parse(spelled) as string };
  } catch {
    return undefined;
  }
}

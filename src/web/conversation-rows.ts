import { signal } from '@preact/signals';
import { getJson, isAbort, messageOf, pathOf } from './api.js';
import { refresh, versionOf } from './datasets.js';
import type { Row, Rows } from './types.js';

const PAGE = 100;
/** Rows are fetched once the reader has paused for this long: a scroll bar passes by thousands. */
const PAUSE_MS = 40;

/** The rows of a dataset's list, fetched page by page as they are seen. */
export class ConversationRows {
  private readonly model: string;
  /** The state of the files that the rows are of: rows of a later one aren't shown among them. */
  private fileVersion: string | undefined;
  private readonly rows = new Map<number, Row>();
  private readonly loading = new Map<number, AbortController>();
  private seen: [number, number] = [0, 1];
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Changes whenever there are more rows. */
  readonly version = signal(0);
  /** How many there are, as far as a page said so. */
  readonly total = signal<number | undefined>(undefined);
  readonly error = signal<string | undefined>(undefined);

  constructor(model: string) {
    this.model = model;
    this.fileVersion = versionOf(model);
  }

  /** A row; undefined while it isn't there. */
  at(number: number): Row | undefined {
    return this.rows.get(number);
  }

  /** Fetches the rows of a range, and stops fetching others. */
  readonly want = (first: number, end: number): void => {
    this.seen = [first, end];
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fetchRange(first, end), PAUSE_MS);
  };

  /** Fetches all rows again, since the file has changed. */
  forget(): void {
    for (const controller of this.loading.values()) controller.abort();
    this.loading.clear();
    this.rows.clear();
    this.fileVersion = versionOf(this.model);
    this.total.value = undefined;
    this.retry();
  }

  /** Fetches the rows that are seen, after an error. */
  retry(): void {
    this.version.value += 1;
    this.want(...this.seen);
  }

  private fetchRange(first: number, end: number): void {
    const wanted = new Set<number>();
    for (let page = Math.floor(first / PAGE); page * PAGE < end; page++) wanted.add(page);
    for (const [page, controller] of this.loading) if (!wanted.has(page)) controller.abort();
    for (const page of wanted) {
      const isThere = this.rows.has(page * PAGE) && this.rows.has(Math.min(end, (page + 1) * PAGE) - 1);
      if (!isThere && !this.loading.has(page)) void this.fetchPage(page);
    }
  }

  private async fetchPage(page: number): Promise<void> {
    if (versionOf(this.model) !== this.fileVersion) return;
    const controller = new AbortController();
    this.loading.set(page, controller);
    try {
      const path = pathOf(this.model, `/conversations?from=${page * PAGE}&limit=${PAGE}`);
      const { total, conversations } = await getJson<Rows>(path, controller.signal);
      // The file may have been replaced meanwhile, of which the page learns only now and then.
      await refresh();
      if (controller.signal.aborted || versionOf(this.model) !== this.fileVersion) return;
      for (const row of conversations) this.rows.set(row.number, row);
      if (total !== null) this.total.value = total;
      this.error.value = undefined;
      this.version.value += 1;
    } catch (error) {
      if (!isAbort(error)) this.error.value = messageOf(error);
    } finally {
      if (this.loading.get(page) === controller) this.loading.delete(page);
    }
  }
}

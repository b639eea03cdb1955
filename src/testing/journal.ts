import type { IncomingHttpHeaders } from 'node:http';
import { JOURNAL_BYTES_MAX, SCOPES_MAX } from '../core/limits.js';
import type { Message } from '../core/query.js';
import { askedRequest } from './asked.js';
import type { RecordedRequest } from './types.js';

/** A request that has ended, as the HTTP layer knows it. */
export interface EndedRequest
  extends Omit<RecordedRequest, 'number' | 'headers' | 'body' | 'messages' | 'prompt' | 'model' | 'test'> {
  readonly headers: IncomingHttpHeaders;
  readonly test: string | undefined;
  /** The memory that the headers, the path and the body take, in bytes. */
  readonly bytes: number;
  /** Returns the body, parsed if it is valid, and its messages. */
  readonly content: () => { readonly body: unknown; readonly messages: readonly Message[] };
}

/** Which requests are wanted; those of any value if undefined. */
export interface Wanted {
  readonly test?: string | undefined;
  readonly status?: number | undefined;
  readonly match?: string | undefined;
}

/** The approximate memory of a request in the journal without its headers, path and body, in bytes. */
const ENTRY_BYTES = 1024;

/** A request in the journal: what is shown of it is made when it is looked at. */
class Entry {
  readonly number: number;
  readonly ended: EndedRequest;
  readonly bytes: number;

  constructor(number: number, ended: EndedRequest) {
    this.number = number;
    this.ended = ended;
    this.bytes = ENTRY_BYTES + ended.bytes;
  }

  get shown(): RecordedRequest {
    const { content, headers, bytes, test, ...rest } = this.ended;
    const { method, path } = rest;
    const { body, messages } = content();
    const { path: shownPath, ...asked } = askedRequest({ method, path, headers, body }, messages);
    return { number: this.number, ...rest, path: shownPath, ...asked };
  }
}

type Listener = (request: RecordedRequest) => void;

/** The latest requests, in memory: up to a number, and up to `JOURNAL_BYTES_MAX` bytes. */
export class Journal {
  private readonly max: number;
  /** In the order in which they ended. Those before `first` are removed. */
  private entries: Entry[] = [];
  private first = 0;
  private bytes = 0;
  private count = 0;
  private isClosed = false;
  private readonly open = new Set<{ readonly test: string | undefined }>();
  private readonly listeners = new Map<Listener, () => void>();
  /** When the requests of a test were removed last; of all tests under undefined. By the clock of `cameAt`. */
  private readonly clearedAt = new Map<string | undefined, number>();

  /** @param max the maximum number of requests */
  constructor(max: number) {
    this.max = max;
  }

  /**
   * Counts a request of a test as being answered.
   *
   * @returns adds the request when it has ended
   */
  begin(test: string | undefined): (ended: EndedRequest) => void {
    const open = { test };
    this.open.add(open);
    return (ended) => {
      this.open.delete(open);
      this.record(ended);
    };
  }

  /** How many requests of a test, or of all, are being answered. */
  answering(test: string | undefined): number {
    if (test === undefined) return this.open.size;
    return [...this.open].filter((each) => each.test === test).length;
  }

  /** Adds a request, unless it came before its test's requests were removed. */
  private record(ended: EndedRequest): void {
    const { test, cameAt } = ended;
    if (cameAt < (this.clearedAt.get(undefined) ?? 0) || cameAt < (this.clearedAt.get(test) ?? 0)) return;
    const entry = new Entry(++this.count, ended);
    this.entries.push(entry);
    this.bytes += entry.bytes;
    while (this.entries.length - this.first > this.max || this.bytes > JOURNAL_BYTES_MAX) this.removeFirst();
    if (this.listeners.size === 0) return;
    const { shown } = entry;
    for (const listener of this.listeners.keys()) listener(shown);
  }

  /**
   * The latest requests, oldest first.
   *
   * @param limit the most requests
   * @param bytesMax the most bytes of all of them together; there is one request at least
   */
  requests(
    wanted: Wanted,
    limit = Number.POSITIVE_INFINITY,
    bytesMax = Number.POSITIVE_INFINITY,
  ): RecordedRequest[] {
    const found: Entry[] = [];
    let bytes = 0;
    for (let i = this.entries.length - 1; i >= this.first && found.length < limit; i--) {
      const entry = this.entries[i] as Entry;
      if (!isWanted(entry.ended, wanted)) continue;
      bytes += entry.bytes;
      if (bytes > bytesMax && found.length > 0) break;
      found.push(entry);
    }
    return found.reverse().map(({ shown }) => shown);
  }

  /** Removes the requests of one test, or all; also those that are being answered. */
  clear(test?: string): void {
    if (test === undefined || this.clearedAt.size > SCOPES_MAX) this.clearedAt.clear();
    this.clearedAt.set(test, performance.timeOrigin + performance.now());
    const left = this.entries
      .slice(this.first)
      .filter(({ ended }) => test !== undefined && ended.test !== test);
    this.entries = left;
    this.first = 0;
    this.bytes = left.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /**
   * Calls a function with each request from now on.
   *
   * @param onClose called when the journal is closed; at once if it is
   * @returns how to end that
   */
  listen(listener: Listener, onClose: () => void): () => void {
    if (this.isClosed) onClose();
    else this.listeners.set(listener, onClose);
    return () => void this.listeners.delete(listener);
  }

  /** Ends all listening. */
  close(): void {
    this.isClosed = true;
    const listeners = [...this.listeners.values()];
    this.listeners.clear();
    for (const onClose of listeners) onClose();
  }

  private removeFirst(): void {
    this.bytes -= (this.entries[this.first] as Entry).bytes;
    this.entries[this.first++] = undefined as unknown as Entry;
    if (this.first < this.max) return;
    this.entries = this.entries.slice(this.first);
    this.first = 0;
  }
}

function isWanted(ended: EndedRequest, { test, status, match }: Wanted): boolean {
  return (
    (test === undefined || ended.test === test) &&
    (status === undefined || ended.status === status) &&
    (match === undefined || ended.match === match)
  );
}

import type { IncomingHttpHeaders } from 'node:http';
import { JOURNAL_BYTES_MAX } from '../core/limits.js';
import type { Message } from '../core/query.js';
import { askedRequest } from './asked.js';
import type { RecordedRequest } from './types.js';

/** A request that has ended, as the HTTP layer knows it. */
export interface EndedRequest
  extends Omit<RecordedRequest, 'number' | 'headers' | 'body' | 'messages' | 'prompt' | 'model' | 'test'> {
  readonly headers: IncomingHttpHeaders;
  /** Decompressed; undefined without one. */
  readonly body: Buffer | undefined;
  readonly test: string | undefined;
  /** The messages of a parsed body; empty if it is invalid. */
  readonly messagesOf: (body: unknown) => readonly Message[];
}

/** The approximate memory of an entry without its body, in bytes. */
const ENTRY_BYTES = 2048;

/** An entry: what is shown of it is made when it is looked at. */
class Entry {
  readonly number: number;
  readonly ended: EndedRequest;
  readonly bytes: number;

  constructor(number: number, ended: EndedRequest) {
    this.number = number;
    this.ended = ended;
    this.bytes = ENTRY_BYTES + (ended.body?.length ?? 0);
  }

  get shown(): RecordedRequest {
    const { messagesOf, headers, body: bytes, ...rest } = this.ended;
    const { method, path } = rest;
    const body = bytes && parsed(bytes);
    const asked = askedRequest({ method, path, headers, body }, messagesOf(body));
    return { number: this.number, ...asked, ...rest };
  }
}

function parsed(bytes: Buffer): unknown {
  const text = bytes.toString();
  try {
    return JSON.parse(text);
  } catch {
    return text;
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
  private readonly listeners = new Map<Listener, () => void>();

  /** @param max the maximum number of requests */
  constructor(max: number) {
    this.max = max;
  }

  record(ended: EndedRequest): void {
    const entry = new Entry(++this.count, ended);
    this.entries.push(entry);
    this.bytes += entry.bytes;
    while (this.entries.length - this.first > this.max || this.bytes > JOURNAL_BYTES_MAX) this.removeFirst();
    if (this.listeners.size === 0) return;
    const { shown } = entry;
    for (const listener of this.listeners.keys()) listener(shown);
  }

  /** @param test of one test only; undefined for all */
  requests(test?: string): RecordedRequest[] {
    return this.entries
      .slice(this.first)
      .filter(({ ended }) => test === undefined || ended.test === test)
      .map(({ shown }) => shown);
  }

  /** Removes the requests of one test, or all. */
  clear(test?: string): void {
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
   * @param onClose called when the journal is closed
   * @returns how to end that
   */
  listen(listener: Listener, onClose: () => void): () => void {
    this.listeners.set(listener, onClose);
    return () => void this.listeners.delete(listener);
  }

  /** Ends all listening. */
  close(): void {
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

/** What the tokenizer's thread makes of texts: each text once, together with others that arrive in the same turn of the event loop. */

import { LRUCache } from 'lru-cache';
import { AppError } from '../core/errors.js';
import { COUNTED_AT_ONCE_MAX, COUNTED_TOGETHER_MAX } from '../core/limits.js';
import { textId } from './text-id.js';

/** The approximate overhead of a cache entry, in bytes, without its text. */
const ENTRY_OVERHEAD_BYTES = 256;
/** V8 stores a character in one or two bytes: assume two. */
const BYTES_A_CHARACTER = 2;

/** Makes the results of texts, in their order. */
type Run<T> = (texts: readonly string[]) => Promise<readonly T[]>;

/** What `TextResults` needs. */
interface ResultOptions<T> {
  readonly run: Run<T>;
  /** The memory for results, in bytes. */
  readonly bytesMax: number;
  /** The size of a result in bytes, without its text. */
  readonly bytesOf: (result: T) => number;
}

/** The results of texts. Those of the latest texts are cached; equal texts in simultaneous requests have one result. */
export class TextResults<T extends object | number> {
  private readonly run: Run<T>;
  private readonly cached: LRUCache<string, T>;
  /** The texts whose results are being made. */
  private readonly pending = new Map<string, Promise<T>>();
  /** The texts that are next. */
  private batch: Batch<T> | undefined;

  constructor({ run, bytesMax, bytesOf }: ResultOptions<T>) {
    this.run = run;
    this.cached = new LRUCache({
      maxSize: bytesMax,
      sizeCalculation: (result, id) => id.length * BYTES_A_CHARACTER + ENTRY_OVERHEAD_BYTES + bytesOf(result),
    });
  }

  /** The result of a text, if it is cached. */
  known(text: string): T | undefined {
    return this.cached.get(textId(text));
  }

  /** The result of a text that was requested; undefined if none is being made. */
  requested(text: string): Promise<T> | undefined {
    return this.pending.get(textId(text));
  }

  /**
   * Begins the results of texts that aren't known.
   *
   * @throws AppError if too many texts are waiting: then none of them is begun
   */
  request(texts: readonly string[]): void {
    const fresh = new Map(texts.map((text) => [textId(text), text]));
    for (const id of fresh.keys()) if (this.pending.has(id)) fresh.delete(id);
    if (this.pending.size + fresh.size > COUNTED_AT_ONCE_MAX) throw new AppError('overloaded');
    for (const [id, text] of fresh) {
      const one = this.inBatch(text);
      this.pending.set(id, one);
      one
        .then((result) => this.cached.set(id, result))
        // The callers that wait for the result get the error.
        .catch(() => undefined)
        .finally(() => this.pending.delete(id));
    }
  }

  /** The result of a text, made together with those that arrive in the same turn of the event loop. */
  private inBatch(text: string): Promise<T> {
    if (this.batch?.hasRoomFor(text) !== true) {
      this.batch?.send();
      const batch = new Batch(this.run);
      this.batch = batch;
      setImmediate(() => {
        if (this.batch === batch) this.batch = undefined;
        batch.send();
      });
    }
    return this.batch.add(text);
  }
}

/**
 * Texts of one task, since passing a task to the thread takes as long as counting a short text. If the task fails, it fails for all of
 * them.
 */
class Batch<T> {
  private readonly run: Run<T>;
  private readonly texts: string[] = [];
  private length = 0;
  private isSent = false;
  private settle: (results: Promise<readonly T[]>) => void = () => {};
  private readonly results = new Promise<readonly T[]>((resolve) => {
    this.settle = resolve;
  });

  constructor(run: Run<T>) {
    this.run = run;
  }

  /** False if the text would delay the others. */
  hasRoomFor(text: string): boolean {
    return this.length === 0 || this.length + text.length <= COUNTED_TOGETHER_MAX;
  }

  /** The result of a text. Settles after `send`. */
  async add(text: string): Promise<T> {
    const at = this.texts.push(text) - 1;
    this.length += text.length;
    return (await this.results)[at] as T;
  }

  send(): void {
    if (!this.isSent) this.settle(this.run(this.texts));
    this.isSent = true;
  }
}

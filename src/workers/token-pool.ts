import { TOKENIZED_AT_ONCE_MAX, TOKENIZER_KEPT_MS } from '../core/limits.js';
import type { TokenizerFile } from '../core/tokens.js';
import type { CountTask, DecodedTokens, EncodeTask, SpelledTokens, TaskResult, TokenSetup } from './tasks.js';
import { Threads } from './threads.js';
import type * as thread from './token-thread.js';

/** Tokens are many and short-lived. With V8's default, counting takes some 80 MB more and is no faster. */
const YOUNG_MIB = 8;

/** Tasks of the tokenizer of a `tokenizer.json`. */
export type TokenTasks = Pick<TokenPool, 'tokenizer' | 'count' | 'ends' | 'encode' | 'decode'>;

/**
 * The main thread's interface to the thread of a `tokenizer.json`. The thread starts with the first request, and ends after `TOKENIZER_KEPT_MS`
 * without one. If `start` has started it, it is kept. A server has one such thread; to count a whole dataset, there may be several.
 */
export class TokenPool {
  readonly tokenizer: TokenizerFile;
  readonly size: number;
  private threads: Threads | undefined;
  private loaded: Promise<unknown> = Promise.resolve();
  private tasks = 0;
  /** The total length of the waiting texts, in characters. */
  private waiting = 0;
  private idle: NodeJS.Timeout | undefined;
  private ending: Promise<unknown> = Promise.resolve();
  private isKept = false;
  private isClosed = false;
  /** The deaths of threads that were ended since. */
  private formerDeaths = 0;
  /** Called when the thread has died; it is replaced. */
  onDeath = () => {};

  /** @param size the number of threads, each of which loads the tokenizer */
  constructor(tokenizer: TokenizerFile, size = 1) {
    this.tokenizer = tokenizer;
    this.size = size;
  }

  /** How many times the thread has died and was replaced so far. */
  get deaths(): number {
    return this.formerDeaths + (this.threads?.deaths ?? 0);
  }

  /** Starts the thread ahead of need, and keeps it: a request that has to wait for it waits half a second, longer on a busy machine. */
  start(): void {
    this.isKept = true;
    clearTimeout(this.idle);
    this.threads ??= this.startThread();
  }

  /**
   * Waits until the thread has loaded the tokenizer.
   *
   * @returns why it can't; undefined if it has
   */
  async loadError(): Promise<string | undefined> {
    const loaded = await this.run<true>('isLoaded', undefined);
    return loaded.kind === 'failed' ? loaded.detail : undefined;
  }

  /** The token counts of texts. */
  count(texts: readonly string[]): Promise<TaskResult<readonly number[]>> {
    return this.run('count', texts, lengthOf(texts));
  }

  /** Where the tokens of each text end, in UTF-16 units; see `Tokenizer.ends`. */
  ends(texts: readonly string[]): Promise<TaskResult<readonly Uint32Array[]>> {
    return this.run('ends', texts, lengthOf(texts));
  }

  /** The tokens of a text, or of a chat (see `Tokenizer.encodeChat`), as JSON. */
  encode(task: EncodeTask): Promise<TaskResult<SpelledTokens>> {
    const { content } = task;
    const texts = typeof content === 'string' ? [content] : content.messages.map(({ text }) => text);
    return this.run('encode', task, lengthOf(texts));
  }

  /**
   * The text of tokens.
   *
   * @param lengthMax the maximum length of the text, in characters
   */
  decode(tokens: readonly number[], lengthMax: number): Promise<TaskResult<DecodedTokens>> {
    return this.run('decode', { tokens: Float64Array.from(tokens), lengthMax }, tokens.length);
  }

  /** Counts the tokens of turns, and stores the counts in their index. The result is the row to continue from. */
  countTurns(task: CountTask): Promise<TaskResult<number>> {
    return this.run('countTurns', task);
  }

  /** Ends the thread immediately, even during a task: a text may take long, and no request waits for it any more. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.endThread();
    await this.ending;
  }

  /** @param size the amount of work, in characters or tokens */
  private async run<T>(name: keyof typeof thread, task: unknown, size = 0): Promise<TaskResult<T>> {
    if (this.isClosed) return { kind: 'failed', code: 'worker_failed', detail: 'the pool is closed' };
    // A task that exceeds the limit by itself is accepted if no other is waiting.
    if (this.waiting > 0 && this.waiting + size > TOKENIZED_AT_ONCE_MAX) {
      return { kind: 'failed', code: 'overloaded', detail: 'too much text waits for the tokenizer' };
    }
    this.waiting += size;
    this.threads ??= this.startThread();
    clearTimeout(this.idle);
    this.tasks++;
    const result = await this.threads.run<T>(name, task);
    this.tasks--;
    this.waiting -= size;
    if (this.tasks === 0 && !this.isKept)
      this.idle = setTimeout(() => this.endThread(), TOKENIZER_KEPT_MS).unref();
    return result;
  }

  private startThread(): Threads {
    const threads = new Threads({
      filename: new URL('./token-thread.js', import.meta.url),
      threads: this.size,
      // A task that can be stopped early doesn't delay others that were already passed to the thread.
      tasksAhead: 1,
      youngMiB: YOUNG_MIB,
      workerData: { tokenizer: this.tokenizer } satisfies TokenSetup,
    });
    threads.onDeath = () => this.onDeath();
    this.loaded = threads.run('isLoaded', undefined);
    return threads;
  }

  private endThread(): void {
    clearTimeout(this.idle);
    const { threads } = this;
    this.threads = undefined;
    this.formerDeaths += threads?.deaths ?? 0;
    if (threads !== undefined) this.ending = Promise.all([this.ending, threads.abandon(this.loaded)]);
  }
}

function lengthOf(texts: readonly string[]): number {
  return texts.reduce((sum, { length }) => sum + length, 0);
}

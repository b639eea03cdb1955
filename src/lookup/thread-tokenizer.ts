import { COUNTED_TEXTS_BYTES, TOKEN_ENDS_BYTES } from '../core/limits.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import type { TokenizerSource } from '../core/tokens.js';
import { type DecodedTokens, type EncodeTask, type SpelledTokens, unwrap } from '../workers/tasks.js';
import type { TokenTasks } from '../workers/token-pool.js';
import { TextResults } from './text-results.js';
import type { CountedText, RequestTokenizer } from './token-counter.js';

/** A tokenizer in a thread of its own, or of another process. Each text is counted once: a cache keeps the counts that no index keeps. */
export class ThreadTokenizer implements RequestTokenizer {
  readonly source: TokenizerSource;
  private readonly tasks: TokenTasks;
  private readonly counts: TextResults<number>;
  private readonly tokenEnds: TextResults<Uint32Array>;

  constructor(tasks: TokenTasks) {
    this.source = tasks.tokenizer;
    this.tasks = tasks;
    this.counts = new TextResults({
      run: (texts) => tasks.count(texts).then(unwrap),
      bytesMax: COUNTED_TEXTS_BYTES,
      bytesOf: () => 0,
    });
    this.tokenEnds = new TextResults({
      run: (texts) => tasks.ends(texts).then(unwrap),
      bytesMax: TOKEN_ENDS_BYTES,
      bytesOf: ({ byteLength }) => byteLength,
    });
  }

  count(texts: readonly CountedText[]): MaybePromise<readonly number[]> {
    const counts: number[] = [];
    for (const text of texts) {
      const known = this.known(text);
      if (known === undefined) return this.ask(texts);
      counts.push(known);
    }
    return counts;
  }

  private async ask(texts: readonly CountedText[]): Promise<readonly number[]> {
    const unknown = texts.filter((text) => this.known(text) === undefined);
    this.counts.request(unknown.map(({ text }) => text));
    const counts = await Promise.all(
      texts.map((text) => this.known(text) ?? this.counts.requested(text.text) ?? 0),
    );
    for (const [i, { kept }] of texts.entries()) if (kept !== undefined) kept.tokens = counts[i] as number;
    return counts;
  }

  private known(counted: CountedText): number | undefined {
    const kept = counted.kept?.tokens;
    if (kept) return kept;
    // Read late: getting the text may have to decode it.
    const { text } = counted;
    return text === '' ? 0 : this.counts.known(text);
  }

  ends(text: string): MaybePromise<Uint32Array> {
    const known = text === '' ? new Uint32Array() : this.tokenEnds.known(text);
    if (known !== undefined) return known;
    this.tokenEnds.request([text]);
    return this.tokenEnds.requested(text) as Promise<Uint32Array>;
  }

  async encode(task: EncodeTask): Promise<SpelledTokens> {
    return unwrap(await this.tasks.encode(task));
  }

  async decode(tokens: readonly number[], lengthMax: number): Promise<DecodedTokens> {
    return unwrap(await this.tasks.decode(tokens, lengthMax));
  }
}

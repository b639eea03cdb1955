/** Cuts the texts of replies into the pieces of a stream: words, groups of tokens, or the pieces that were recorded. */

import type { Pieces } from '../core/event-stream.js';
import { PIECES_TOGETHER_MAX } from '../core/limits.js';
import { after, all, type MaybePromise } from '../core/maybe-promise.js';
import { recordedPieces } from '../core/recorded-pieces.js';
import type { Reply } from '../core/reply.js';
import { inStep } from '../core/steps.js';
import type { Timing } from '../core/timings.js';
import { type TokenizerSource, wordsBy } from '../core/tokens.js';
import type { TokenCounter } from '../lookup/token-counter.js';
import { piecesOf } from '../openai/pieces.js';

/** The parts of a request that decide how its stream is cut. */
export interface AskedPieces {
  readonly stream: boolean;
  /** Tokens in each piece of a stream; 0 for words. */
  readonly streamInterval: number;
  readonly includeUsage: boolean;
  readonly continuousUsage: boolean;
}

const NO_ENDS = new Uint32Array(0);

/** Cuts texts, by one tokenizer. */
export class ReplyPieces {
  private readonly tokens: TokenCounter;
  private readonly tokenizer: TokenizerSource;

  constructor(tokens: TokenCounter, tokenizer: TokenizerSource) {
    this.tokens = tokens;
    this.tokenizer = tokenizer;
  }

  /**
   * How a text of a stream is cut: into as many tokens as are asked for, or into words, whose tokens are counted if every event holds the
   * usage.
   *
   * @param text called if it is needed
   * @param ends where its tokens end, if that is known
   * @returns undefined for words without counts
   * @throws AppError if the tokens can't be counted
   */
  of(text: () => string, asked: AskedPieces, ends?: Uint32Array): MaybePromise<Pieces | undefined> {
    const { stream, streamInterval, includeUsage, continuousUsage } = asked;
    if (!stream) return undefined;
    if (isCutIntoTokens(asked)) {
      return after(ends ?? this.tokens.ends(text()), (all) =>
        // A text of nothing that the tokenizer knows has no tokens.
        all.length === 0 ? undefined : groupsOf(all, streamInterval),
      );
    }
    if (!includeUsage || !continuousUsage) return undefined;
    return after(this.wordTokens(text()), (tokens) => ({ tokens }));
  }

  /**
   * A reply in the pieces that were recorded, with their times.
   *
   * @param reasoningLength the length of the recorded reasoning, which the reply may lack, in characters
   * @param isStream false if only the times are needed
   * @throws AppError if the tokens can't be counted
   */
  recorded(
    reply: Reply,
    timings: readonly Timing[],
    reasoningLength: number,
    isStream: boolean,
  ): MaybePromise<Reply> {
    const { content, reasoning, calls } = reply;
    const texts = [reasoning?.content.text ?? '', content.text, ...calls.map((call) => call.arguments)];
    const ends = all(texts, (text) => (isStream ? this.tokens.ends(text) : NO_ENDS));
    return after(ends, (ends) => {
      let from = 0;
      const cut = texts.map((text, i) => {
        const pieces = recordedPieces(timings, from, text, ends[i] ?? NO_ENDS);
        from += i === 0 ? reasoningLength : text.length;
        return pieces;
      });
      const times = cut.flatMap(({ atMs }) => atMs ?? []);
      const [ofReasoning, pieces, ...ofCalls] = cut;
      return {
        ...reply,
        pieces,
        reasoning: reasoning && { ...reasoning, pieces: ofReasoning },
        calls: calls.map((call, i) => ({ ...call, pieces: ofCalls[i] })),
        ...(times.length > 0 && {
          recorded: { firstMs: times[0] as number, lastMs: times.at(-1) as number },
        }),
      };
    });
  }

  /** The cumulative token counts of a text's words. */
  private wordTokens(text: string): MaybePromise<Uint32Array> {
    const { tokens, tokenizer } = this;
    return after(tokens.ends(text), (ends) => totalsOf(piecesOf(text, wordsBy(tokenizer)), ends));
  }
}

/**
 * The cumulative token counts of a text's words, each of which has the tokens that end in it: a token may begin in one word and end in the
 * next.
 *
 * @param ends where the tokens of the text end
 */
function totalsOf(words: Iterator<string, void>, ends: Uint32Array): MaybePromise<Uint32Array> {
  let totals = new Uint32Array(PIECES_TOGETHER_MAX);
  let counted = 0;
  let at = 0;
  let total = 0;
  const countOn = (): MaybePromise<Uint32Array> => {
    for (let left = PIECES_TOGETHER_MAX; left > 0; left--) {
      const { value, done } = words.next();
      if (done) return totals.subarray(0, counted);
      at += value.length;
      while (total < ends.length && (ends[total] as number) <= at) total++;
      if (counted === totals.length) {
        const longer = new Uint32Array(2 * totals.length);
        longer.set(totals);
        totals = longer;
      }
      totals[counted++] = total;
    }
    return inStep(countOn);
  };
  return countOn();
}

/** True if the pieces of a reply are groups of tokens. */
export function isCutIntoTokens({ stream, streamInterval }: AskedPieces): boolean {
  return stream && streamInterval > 0;
}

/**
 * Cuts a text into groups of tokens.
 *
 * @param ends where each token ends
 * @param size tokens in each group but the last
 */
function groupsOf(ends: Uint32Array, size: number): Pieces {
  const count = Math.ceil(ends.length / size);
  const tokens = Uint32Array.from({ length: count }, (_, i) => Math.min((i + 1) * size, ends.length));
  return { tokens, ends: size === 1 ? ends : tokens.map((total) => ends[total - 1] as number) };
}

/**
 * The pieces of a call's arguments, the first of which has the tokens of the function's name, too.
 *
 * @param total tokens of the name and the arguments
 */
export function withName({ tokens, ends }: Pieces, total = 0): Pieces {
  const ofName = Math.max(0, total - (tokens.at(-1) ?? 0));
  return { tokens: tokens.map((count) => count + ofName), ends };
}

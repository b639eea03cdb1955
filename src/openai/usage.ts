import type { PieceEvents, Pieces } from '../core/event-stream.js';
import type { Message } from '../core/query.js';
import type { SpelledText } from '../core/spelled-text.js';
import type { AnswerOptions } from './answer-options.js';

/** Token counts as OpenAI reports them. */
export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  /** Those of the completion's tokens that are reasoning. */
  readonly reasoning_tokens: number;
}

/**
 * The tokens of a message in addition to its text, including its role; of a name in addition to the name itself; and of the start of the
 * reply.
 */
const TOKENS_A_MESSAGE = 4;
const TOKENS_A_NAME = 1;
const TOKENS_TO_BEGIN = 3;

/**
 * The number of tokens in a chat's prompt, counted as in the OpenAI cookbook ("How to count tokens with tiktoken").
 *
 * @param texts the number of tokens in all texts and names
 */
export function chatPromptTokens(messages: readonly Message[], texts: number): number {
  const names = messages.filter(({ name }) => name !== undefined).length;
  return TOKENS_TO_BEGIN + TOKENS_A_MESSAGE * messages.length + TOKENS_A_NAME * names + texts;
}

/** The usage of a request. */
export function usageOf(prompt_tokens: number, completion_tokens: number, reasoning_tokens = 0): Usage {
  const total_tokens = prompt_tokens + completion_tokens;
  return { prompt_tokens, completion_tokens, total_tokens, reasoning_tokens };
}

/** The details of usage, before and after the number of tokens that are reasoning. */
const [BEFORE_REASONING, AFTER_REASONING] = [
  `"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":`,
  `,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}`,
];

/** The JSON of usage in an answer. */
export function usageText({
  prompt_tokens,
  completion_tokens,
  total_tokens,
  reasoning_tokens,
}: Usage): string {
  return `{"prompt_tokens":${prompt_tokens},"completion_tokens":${completion_tokens},"total_tokens":${total_tokens},${BEFORE_REASONING}${reasoning_tokens}${AFTER_REASONING}`;
}

/** The usage in a stream: at its end, if the request asks for it, or in every event. */
export class StreamUsage {
  /** True if the last event reports the usage. */
  readonly isAsked: boolean;
  private readonly isContinuous: boolean;
  private readonly total: Usage;
  private given = 0;
  /** Those of the tokens so far that are reasoning. */
  private reasoned = 0;

  constructor(
    { includeUsage, continuousUsage }: Pick<AnswerOptions, 'includeUsage' | 'continuousUsage'>,
    total: Usage,
  ) {
    this.isAsked = includeUsage;
    this.isContinuous = includeUsage && continuousUsage;
    this.total = total;
  }

  /** The usage in an event that isn't the last: nothing if the request doesn't ask for it, else null or the usage so far. */
  soFar(): string {
    if (!this.isContinuous) return this.isAsked ? ',"usage":null' : '';
    return `,"usage":${usageText(usageOf(this.total.prompt_tokens, this.given, this.reasoned))}`;
  }

  /**
   * The events of a text, which report usage as all others do.
   *
   * @param after the text after a piece, before the usage
   * @param pieces how the text is cut
   * @param afterLast the text after the last piece, if it differs
   */
  pieces(
    content: SpelledText,
    before: string,
    after: string,
    pieces: Pieces | undefined,
    afterLast?: string,
  ): PieceEvents {
    const counts = pieces?.tokens;
    const numbers = this.advance(counts);
    const details = `,${BEFORE_REASONING}${this.reasoned}${AFTER_REASONING}}\n\n`;
    return {
      content,
      pieces,
      before,
      after: this.ends(after, [details]),
      ...(afterLast !== undefined && { afterLast: this.ends(afterLast, [details]) }),
      ...(this.isContinuous && { numbers, counts }),
    };
  }

  /** The same for a text that is reasoning. */
  reasoningPieces(
    content: SpelledText,
    before: string,
    after: string,
    pieces: Pieces | undefined,
  ): PieceEvents {
    const counts = pieces?.tokens;
    const numbers = [...this.advance(counts), this.reasoned];
    this.reasoned += counts?.at(-1) ?? 0;
    return {
      content,
      pieces,
      before,
      after: this.ends(after, [`,${BEFORE_REASONING}`, `${AFTER_REASONING}}\n\n`]),
      ...(this.isContinuous && { numbers, counts }),
    };
  }

  /** The counts of completion and total before a text, whose tokens are added to those so far. */
  private advance(counts: Uint32Array | undefined): number[] {
    const given = this.given;
    this.given += counts?.at(-1) ?? 0;
    return [given, this.total.prompt_tokens + given];
  }

  /** @param details the texts after the total */
  private ends(after: string, details: readonly string[]): readonly string[] {
    if (!this.isContinuous) return [`${after}${this.soFar()}}\n\n`];
    const { prompt_tokens } = this.total;
    const completion = `${after},"usage":{"prompt_tokens":${prompt_tokens},"completion_tokens":`;
    return [completion, ',"total_tokens":', ...details];
  }

  /** The event that reports the usage of the whole answer. It has no choices. */
  lastEvent(): string {
    return `,"choices":[],"usage":${usageText(this.total)}}\n\n`;
  }
}

import type { Message } from '../core/query.js';
import type { AnswerOptions } from './answer-options.js';

/** Token counts as OpenAI reports them. */
export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

/** What a message costs besides its text, its role among it; what a name costs besides itself; and what begins the reply. */
const TOKENS_A_MESSAGE = 4;
const TOKENS_A_NAME = 1;
const TOKENS_TO_BEGIN = 3;

/**
 * The tokens of a chat's prompt, as the OpenAI cookbook counts them ("How to count tokens with tiktoken").
 *
 * @param texts the tokens of all texts and names
 */
export function chatPromptTokens(messages: readonly Message[], texts: number): number {
  const names = messages.filter(({ name }) => name !== undefined).length;
  return TOKENS_TO_BEGIN + TOKENS_A_MESSAGE * messages.length + TOKENS_A_NAME * names + texts;
}

/** The usage of a request. */
export function usageOf(prompt_tokens: number, completion_tokens: number): Usage {
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}

/** Usage as a response has it. */
export function usageObject(usage: Usage): object {
  return {
    ...usage,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

/** The usage in a stream: at its end, if it was asked for, or in every chunk. */
export class StreamUsage {
  /** True if the last chunk has it. */
  readonly isAsked: boolean;
  private readonly isContinuous: boolean;
  private readonly total: Usage;
  private given = 0;

  constructor(
    { includeUsage, continuousUsage }: Pick<AnswerOptions, 'includeUsage' | 'continuousUsage'>,
    total: Usage,
  ) {
    this.isAsked = includeUsage;
    this.isContinuous = includeUsage && continuousUsage;
    this.total = total;
  }

  /** Counts what goes out. */
  add(tokens = 0): void {
    this.given += tokens;
  }

  /** What of a chunk that is not the last tells the usage: nothing if it wasn't asked for, else null or the usage so far. */
  soFar(): object {
    if (this.isContinuous) return { usage: usageObject(usageOf(this.total.prompt_tokens, this.given)) };
    return this.isAsked ? { usage: null } : {};
  }

  /** The usage of all that was given. */
  all(): object {
    return usageObject(this.total);
  }
}

import type { SpelledMatch } from '../lookup/lookup.js';
import { decodedSpelling } from '../lookup/spelled-match.js';
import type { CountedText } from '../lookup/token-counter.js';
import { cutAtStop } from '../openai/stops.js';
import { type Answer, type Asked, isCutAt, replyTurn, uncounted } from './answer.js';
import type { Services } from './services.js';

/** What is given of a reply that was found at once. */
export interface AnswerNow {
  /** True if it is the whole reply. */
  readonly isWhole: boolean;
  readonly promptTokens: number;
  readonly tokens: number;
  /** The answer with its text, which takes decoding it. */
  decoded(): Answer;
}

/**
 * What `answerOf` gives, if it takes nothing but what is at hand: texts whose tokens are known, and no tokenizer to cut them.
 *
 * @param prompt the texts that the prompt consists of
 * @returns undefined if it takes more than that
 */
export function answerNow(
  services: Services,
  match: SpelledMatch,
  prompt: readonly CountedText[],
  asked: Asked,
): AnswerNow | undefined {
  if (asked.stream && asked.continuousUsage) return undefined;
  const reply = new SpelledText(match);
  const isWhole = asked.stops.texts.length === 0;
  const given = isWhole ? reply : { text: cutAtStop(reply.text, asked.stops) };
  const tokens = services.tokens.countNow(given);
  if (tokens === undefined || isCutAt(asked.maxTokens, tokens, services.maxTokens)) return undefined;
  let promptTokens = 0;
  for (const text of prompt) {
    const count = services.tokens.countNow(text);
    if (count === undefined) return undefined;
    promptTokens += count;
  }
  const decoded = (): Answer => {
    const { text } = given;
    const pieces = asked.stream ? uncounted(text, services.tokenPool.tokenizer) : [];
    return { reply: { text, tokens, finishReason: 'stop', pieces, calls: [] }, promptTokens };
  };
  return { isWhole, promptTokens, tokens, decoded };
}

/** A reply to be counted, which is decoded only if that takes its text. */
class SpelledText implements CountedText {
  readonly turn: CountedText['turn'];
  private readonly spelled: string;

  constructor(match: SpelledMatch) {
    this.spelled = match.spelled;
    this.turn = replyTurn(match);
  }

  get text(): string {
    return decodedSpelling(this.spelled);
  }
}

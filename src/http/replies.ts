import { createHash } from 'node:crypto';
import { type FunctionCall, textOfCalls } from '../core/calls.js';
import { isCallText } from '../core/conversation.js';
import { REPLY_AT_ONCE_MAX } from '../core/limits.js';
import { after, all, type MaybePromise } from '../core/maybe-promise.js';
import { historiesOf, type Message } from '../core/query.js';
import type { FinishReason, Reasoning, Reply, ToolCall } from '../core/reply.js';
import { Decoded, Spelled, type SpelledText } from '../core/spelled-text.js';
import { inSlices, inStep } from '../core/steps.js';
import { cutAtStop, type Stops } from '../core/stops.js';
import type { Timing } from '../core/timings.js';
import type { TokenizerSource } from '../core/tokens.js';
import type { Given, TokenCount } from '../lookup/lookup.js';
import type { CountedText, TokenCounter } from '../lookup/token-counter.js';
import { type AskedPieces, isCutIntoTokens, ReplyPieces, withName } from './reply-pieces.js';

/** With the setting `tolerant`, a limit must be lower than a reply's token count by more than this share to cut it. */
const TOLERANCE = 0.1;

/** Characters of a call's id after its prefix, as many as OpenAI's ids have. */
const CALL_ID_LENGTH = 24;

/** The parts of a request that decide how much of a reply is returned, and how. */
export interface AskedReply extends AskedPieces {
  readonly stops: Stops;
  readonly maxTokens: number | undefined;
  /** False if recorded function calls are returned as text. */
  readonly allowsCalls: boolean;
  /** False if recorded reasoning is left out. */
  readonly givesReasoning: boolean;
}

/** The parts of a request that its endpoint decides. */
type AskedByEndpoint = Pick<AskedReply, 'allowsCalls' | 'givesReasoning' | 'streamInterval'>;

/** How much of a reply a request asks for, and how. Field by field, as in `parseChatRequest`. */
export function askedReply(
  { stops, maxTokens, stream, includeUsage, continuousUsage }: Omit<AskedReply, keyof AskedByEndpoint>,
  { allowsCalls, givesReasoning, streamInterval }: AskedByEndpoint,
): AskedReply {
  return {
    stops,
    maxTokens,
    allowsCalls,
    givesReasoning,
    stream,
    streamInterval,
    includeUsage,
    continuousUsage,
  };
}

/** Asks for a reply without stops, and in one piece. */
export const WHOLE: AskedReply = {
  givesReasoning: true,
  stops: { texts: [], areKept: false },
  maxTokens: undefined,
  allowsCalls: true,
  stream: false,
  streamInterval: 0,
  includeUsage: false,
  continuousUsage: false,
};

/** A reply, and the token count of its prompt. */
export interface CountedReply {
  readonly reply: Reply;
  readonly promptTokens: number;
}

/** A text that is part of a reply. */
interface CutText {
  readonly text: string;
  /** Where its tokens end, if that is already known: the tokens of a beginning may differ from those of the whole text. */
  readonly ends?: Uint32Array;
}

/** The reasoning of a reply, counted. */
interface Reasoned extends CutText {
  readonly tokens: number;
}

/** How replies are cut and counted. */
export interface ReplySettings {
  readonly tokens: TokenCounter;
  readonly tokenizer: TokenizerSource;
  /** How a token limit cuts replies. */
  readonly maxTokens: 'tolerant' | 'exact' | 'ignore';
}

/** Cuts replies as requested, and counts their tokens. */
export class Replies {
  private readonly settings: ReplySettings;
  private readonly pieces: ReplyPieces;

  constructor(settings: ReplySettings) {
    this.settings = settings;
    this.pieces = new ReplyPieces(settings.tokens, settings.tokenizer);
  }

  /**
   * A reply, cut as requested. Function calls are never cut, nor the reasoning before them. Stops aren't looked for in the reasoning, whose
   * tokens count against a limit before those of the content.
   *
   * @param prompt the texts that the prompt consists of
   * @throws AppError if the tokens can't be counted
   */
  of(given: Given, prompt: readonly CountedText[], asked: AskedReply): MaybePromise<CountedReply> {
    const { content, reasoning } = given.reply;
    const isLong = content.knownLength + (reasoning?.length ?? 0) > REPLY_AT_ONCE_MAX;
    // Many requests for long replies may arrive in one turn of the event loop.
    const whole = isLong ? inStep(() => this.made(given, prompt, asked)) : this.made(given, prompt, asked);
    const made = given.isLimited ? after(whole, endedByLimit) : whole;
    const { timings } = given.reply;
    return timings === undefined
      ? made
      : after(made, (counted) => this.replayed(counted, given, timings, asked.stream));
  }

  /** A reply in the pieces that were recorded. Function calls that are returned as text weren't recorded like that. */
  private replayed(
    { reply, promptTokens }: CountedReply,
    { reply: whole }: Given,
    timings: readonly Timing[],
    isStream: boolean,
  ): MaybePromise<CountedReply> {
    if (reply.calls.length < (whole.calls?.length ?? 0)) return { reply, promptTokens };
    const recorded = this.pieces.recorded(reply, timings, whole.reasoning?.length ?? 0, isStream);
    return after(recorded, (reply) => ({ reply, promptTokens }));
  }

  private made(given: Given, prompt: readonly CountedText[], asked: AskedReply): MaybePromise<CountedReply> {
    const { calls, content } = given.reply;
    const reasoning = asked.givesReasoning ? given.reply.reasoning : undefined;
    if (calls !== undefined && asked.allowsCalls) {
      return this.callsReply(given, calls, reasoning, prompt, asked);
    }
    const isText = calls === undefined || content.text !== '';
    const text = isText ? content : new Decoded(textOfCalls(calls));
    return after(cutAtStops(text, asked.stops), ({ content: whole, stop }) => {
      const counted = new CountedContent(whole, whole === content ? given.tokens?.reply : undefined);
      const cut = this.cutReply(counted, reasoning, prompt, asked);
      return stop === undefined ? cut : after(cut, (reply) => stoppedAt(stop, reply));
    });
  }

  /** The total token count of texts. */
  tokensOf(texts: readonly CountedText[]): MaybePromise<number> {
    return after(this.settings.tokens.count(texts), (counts) => sum(counts, 0, counts.length));
  }

  /** Cuts a reply, which was already cut at stops, to the requested number of tokens. */
  private cutReply(
    whole: CountedContent,
    reasoning: string | undefined,
    prompt: readonly CountedText[],
    asked: AskedReply,
  ): MaybePromise<CountedReply> {
    const { tokens } = this.settings;
    const { content } = whole;
    return after(tokens.count([...prompt, whole, ...textsIn(reasoning)]), (counts) => {
      const promptTokens = sum(counts, 0, prompt.length);
      const total = sum(counts, prompt.length, counts.length);
      const reasoned = reasonedOf(reasoning, counts);
      const limit = asked.maxTokens;
      if (!this.isCut(limit, total)) {
        return this.replied(content, reasoned, total, 'stop', promptTokens, asked);
      }
      const left = limit - (reasoned?.tokens ?? 0);
      if (reasoned !== undefined && left <= 0) {
        return after(this.cutText(reasoned.text, limit), (text) => {
          const cut = { ...text, tokens: limit };
          return this.replied(new Decoded(''), cut, limit, 'length', promptTokens, asked);
        });
      }
      return after(this.cutText(whole.text, left), ({ text, ends }) =>
        this.replied(new Decoded(text), reasoned, limit, 'length', promptTokens, asked, ends),
      );
    });
  }

  /** The first tokens of a text. */
  private cutText(text: string, limit: number): MaybePromise<CutText> {
    const { tokens } = this.settings;
    return after(tokens.ends(text), (all) => {
      const ends = all.subarray(0, limit);
      return { text: text.slice(0, ends.at(-1) ?? 0), ends };
    });
  }

  private replied(
    content: SpelledText,
    reasoned: Reasoned | undefined,
    tokens: number,
    finishReason: FinishReason,
    promptTokens: number,
    asked: AskedReply,
    ends?: Uint32Array,
  ): MaybePromise<CountedReply> {
    return after(this.reasoning(reasoned, asked), (reasoning) =>
      after(
        this.pieces.of(() => content.text, asked, ends),
        (pieces) => ({
          reply: { content, reasoning, tokens, finishReason, pieces, calls: [] },
          promptTokens,
        }),
      ),
    );
  }

  private reasoning(reasoned: Reasoned | undefined, asked: AskedReply): MaybePromise<Reasoning | undefined> {
    if (reasoned === undefined) return undefined;
    const { text, tokens, ends } = reasoned;
    return after(
      this.pieces.of(() => text, asked, ends),
      (pieces) => ({ content: new Decoded(text), tokens, pieces }),
    );
  }

  /** A reply that calls functions, with its text, if it has one. */
  private callsReply(
    given: Given,
    calls: readonly FunctionCall[],
    reasoning: string | undefined,
    prompt: readonly CountedText[],
    asked: AskedReply,
  ): MaybePromise<CountedReply> {
    const text = isCallText(given.reply) ? '' : given.reply.value;
    const called = calls.map(({ name, arguments: args }) => ({ text: `${name}${args}` }));
    const texts = [text, ...calls.map((call) => call.arguments)];
    const counted = [...prompt, { text }, ...called, ...textsIn(reasoning)];
    return after(this.settings.tokens.count(counted), (counts) =>
      after(this.reasoning(reasonedOf(reasoning, counts), asked), (reasoned) => {
        const cut = all(texts, (each) => this.pieces.of(() => each, asked));
        return after(cut, ([pieces, ...ofCalls]) => {
          const named = calls.map((call, i): ToolCall => {
            const own = ofCalls[i];
            const pieces = own && isCutIntoTokens(asked) ? withName(own, counts[prompt.length + 1 + i]) : own;
            return { ...call, id: call.id ?? callId(given, i), pieces };
          });
          const tokens = sum(counts, prompt.length, counts.length);
          return {
            reply: {
              content: new Decoded(text),
              reasoning: reasoned,
              tokens,
              finishReason: 'tool_calls',
              pieces,
              calls: named,
            },
            promptTokens: sum(counts, 0, prompt.length),
          };
        });
      }),
    );
  }

  /** True if a limit cuts a reply with this number of tokens. */
  private isCut(limit: number | undefined, tokens: number): limit is number {
    const least = { exact: tokens, tolerant: tokens * (1 - TOLERANCE), ignore: 0 };
    return limit !== undefined && limit < least[this.settings.maxTokens];
  }
}

/** The same, ended by a limit, unless it ends at a stop or with calls. */
function endedByLimit({ reply, promptTokens }: CountedReply): CountedReply {
  const isStopped = reply.finishReason !== 'stop' || reply.stopSequence !== undefined;
  return { reply: isStopped ? reply : { ...reply, finishReason: 'length' }, promptTokens };
}

/** A content up to its first stop. */
interface StoppedContent {
  readonly content: SpelledText;
  /** Undefined if the content has none. */
  readonly stop?: string;
}

/** The content up to the first stop; the same object if it has no stop. */
function cutAtStops(content: SpelledText, stops: Stops): MaybePromise<StoppedContent> {
  if (stops.texts.length === 0) return { content };
  return after(inSlices(cutAtStop(content.text, stops)), ({ text, stop }) =>
    stop === undefined ? { content } : { content: new Decoded(text), stop },
  );
}

/** A reply that was cut at a stop, with that stop, unless it was cut before it. */
function stoppedAt(stop: string, { reply, promptTokens }: CountedReply): CountedReply {
  const stopSequence = reply.finishReason === 'stop' ? stop : undefined;
  return { reply: { ...reply, stopSequence }, promptTokens };
}

/** A content whose tokens are counted. It is decoded only if its text is needed. */
class CountedContent implements CountedText {
  readonly kept: TokenCount | undefined;
  readonly content: SpelledText;

  constructor(content: SpelledText, kept: TokenCount | undefined) {
    this.content = content;
    this.kept = kept;
  }

  get text(): string {
    return this.content.text;
  }

  get spelled(): string | undefined {
    return this.content instanceof Spelled ? this.content.spelled : undefined;
  }
}

/** The reasoning as texts to count, after all others: one, or none. */
function textsIn(reasoning: string | undefined): readonly CountedText[] {
  return reasoning === undefined ? [] : [{ text: reasoning }];
}

/** The reasoning, whose count is the last. */
function reasonedOf(reasoning: string | undefined, counts: readonly number[]): Reasoned | undefined {
  return reasoning === undefined ? undefined : { text: reasoning, tokens: counts.at(-1) ?? 0 };
}

/** The texts of a chat: its messages, their function calls, and the names of their speakers. */
export function textsOf(messages: readonly Message[], given?: Given): CountedText[] {
  const tokens = given?.tokens;
  const kept = tokens && keptCounts(messages, tokens);
  const texts: CountedText[] = [];
  for (const message of messages) {
    texts.push({ text: message.text, kept: kept?.get(message) });
    for (const call of message.calls ?? []) texts.push({ text: `${call.name}${call.arguments}` });
    if (message.name !== undefined) texts.push({ text: message.name });
  }
  return texts;
}

/** The stored counts of the messages that match turns. */
function keptCounts(
  messages: readonly Message[],
  tokens: NonNullable<Given['tokens']>,
): Map<Message, TokenCount> {
  const said = historiesOf(messages)[tokens.history] ?? [];
  const counts = tokens.messages();
  const kept = new Map<Message, TokenCount>();
  for (let i = 0; i < counts.length && i < said.length; i++)
    kept.set(said[said.length - 1 - i] as Message, counts[i] as TokenCount);
  return kept;
}

/** The id of a call that was recorded without one. It is always the same. */
function callId(given: Given, index: number): string {
  const turn = given.rung === undefined ? '' : `${given.conversationId}#${given.replyIndex}`;
  const hash = createHash('sha256').update(`${turn}#${index}`).digest('hex');
  return `call_${hash.slice(0, CALL_ID_LENGTH)}`;
}

function sum(counts: readonly number[], from: number, to: number): number {
  let total = 0;
  for (let i = from; i < to; i++) total += counts[i] as number;
  return total;
}

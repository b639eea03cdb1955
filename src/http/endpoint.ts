import type { IncomingMessage } from 'node:http';
import type { ByteCount } from '../core/bytes.js';
import { AppError } from '../core/errors.js';
import type { EventStream, Head } from '../core/event-stream.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import type { Message, Query } from '../core/query.js';
import type { UpstreamFormat } from '../core/recording.js';
import type { FinishReason, TimedReply } from '../core/reply.js';
import { plainJson, spell } from '../core/spelled-text.js';
import type { Match, Override } from '../lookup/lookup.js';
import type { Model } from '../models/model.js';
import type { Usage } from '../openai/usage.js';
import type { Exchange } from '../upstream/exchange.js';
import type { RecordingKeys } from './recording-keys.js';
import type { UpstreamCall } from './upstream-call.js';

/** Answers the requests of one operation. Both Express and `frontOf` call it. */
export interface Endpoint<Asked = unknown> {
  /**
   * Parses a request.
   *
   * @throws AppError that names what is invalid
   */
  parse(input: Input): Asked;
  /**
   * Answers the parsed request: synchronously, or with a promise if it has to wait.
   *
   * @throws AppError, synchronously or as a rejection
   */
  answer(asked: Asked, context: RequestContext): MaybePromise<Answered>;
  /**
   * The name of the model that a request asks for an answer. Its answer may be delayed, and may fail on purpose; those of endpoints without
   * this method are sent at once.
   */
  modelOf?(asked: Asked): string | undefined;
  /** True if a request asks for a stream. */
  isStream?(asked: Asked): boolean;
  /**
   * How much of its model's context a request needs; undefined if it has no limit. Only called if the model's context has one.
   *
   * @throws AppError, at once or as a rejection, if the prompt is invalid or its tokens can't be counted
   */
  contextOf?(asked: Asked): MaybePromise<ContextUse | undefined>;
  /** The messages that a request asks about, for the journal. */
  messagesOf?(asked: Asked): readonly Message[];
  /** True if answers may be cached: equal bodies get equal answers for as long as the dataset doesn't change. */
  readonly isRemembered?: boolean;
}

/** The parts of a request that an endpoint parses. */
export interface Input {
  /** The path of the request, without its query. */
  readonly path: string;
  /** The parsed body; undefined without a body. */
  readonly body: unknown;
  /** The values of the operation's path parameters. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
}

/** How much of a model's context a request needs. */
export interface ContextUse {
  /** The tokens of the prompt, as in the usage; of several, those of the longest. */
  readonly promptTokens: number;
  /** The most tokens of the reply; undefined if the request doesn't limit them. */
  readonly maxTokens: number | undefined;
  /** The field that holds the prompt. */
  readonly param: 'messages' | 'prompt' | 'input';
}

/** What an endpoint may need of a request besides its input. */
export interface RequestContext {
  readonly request: IncomingMessage;
  /** Tokens in each chunk of a stream; 0 for words. */
  readonly streamInterval: number;
  /** True if the answer is sent at the recorded times of its reply. */
  readonly wantsTimings: boolean;
  /** Aborts when the client has disconnected, or has waited for too long. Created on first use. */
  readonly signal: () => AbortSignal;
  /**
   * Counts a recorded reply in the answer as memory that the request holds, until the answer is sent.
   *
   * @throws AppError if there is no memory for it
   */
  holdReply(match: Pick<Match, 'reply'>): void;
  /**
   * The same for an answer that isn't a recorded reply.
   *
   * @throws AppError if the limit is exceeded
   */
  holdAnswer(bytes: ByteCount): void;
  /** Notes for the log that a prompt was not found. */
  noteMiss(query: Query | undefined): void;
  /**
   * The reply that a test has given for these messages; undefined without one.
   *
   * @throws AppError, at once or as a rejection, that a test has given, or because the request doesn't name its test
   */
  override(messages: readonly Message[]): MaybePromise<Override | undefined>;
  /**
   * Throws the error that a test has given for these messages.
   *
   * @throws AppError, at once or as a rejection, as above
   */
  overrideError(messages: readonly Message[]): MaybePromise<undefined>;
  /** Answers in place of the datasets; undefined if no upstream is asked. */
  readonly upstream: UpstreamAnswering | undefined;
  /** Makes the keys by which recordings are found; undefined without recordings and an upstream. */
  readonly recordingKeys: RecordingKeys | undefined;
  /**
   * The request as the upstream gets it, by which recordings are found, too.
   *
   * @param body in place of the request's own
   * @returns undefined if there are no recordings and no upstream, or if no upstream can answer such requests
   */
  upstreamCall(body?: object): UpstreamCall | undefined;
  /**
   * The number of that reply or error. It isn't used up.
   *
   * @throws AppError, at once or as a rejection, because the request doesn't name its test, or because the test's own code fails
   */
  overrideNumber(messages: readonly Message[]): MaybePromise<number | undefined>;
}

/** Answers requests in place of the datasets. */
export interface UpstreamAnswering {
  /** True if it gets all requests, whether or not they have a reply. */
  readonly isFirst: boolean;
  /** True if it can answer requests of a format. */
  answers(format: UpstreamFormat): boolean;
  /**
   * The answer, as soon as its head has come.
   *
   * @param again looks the prompt up again: another request for it may be recorded meanwhile
   * @param onRelayed called with the response object of a whole answer of the Responses API
   * @throws AppError, as a rejection, if none comes
   */
  answer(
    call: UpstreamCall,
    again: () => MaybePromise<Answered | undefined>,
    onRelayed?: (body: unknown) => void,
  ): Promise<Answered>;
}

/** An answer. It may be sent any number of times. */
export interface Answered {
  /** 200 if undefined. */
  readonly status?: number;
  /** Additional headers: names and values, printable ASCII. */
  readonly headers?: readonly string[];
  /** Where the reply comes from; undefined if nothing was looked up. */
  readonly origin?: Origin | undefined;
  /** The outcome of a completion. */
  readonly outcome?: Outcome;
  readonly content: Content;
  /** The tokens of the input of an answer without an outcome. */
  readonly inputTokens?: number;
  /** Of an answer that may be cached: the model, and the generation that the answer is based on. */
  readonly asOf?: { readonly model: Pick<Model, 'generation'>; readonly generation: number };
}

/** Where an answer comes from, as in its headers. */
export interface Origin {
  /** The rung, or `none`. */
  readonly match: string;
  /** The conversation and the turn. */
  readonly source?: string;
  /** The model's id. */
  readonly dataset?: string;
  /** The score of the turn, if the rung is `nearest`. */
  readonly score?: string;
}

/** The usage of a completion, and why it ended. */
export interface Outcome {
  /** The id of the model that the completion counts for. */
  readonly model: string;
  readonly usage: Usage;
  readonly finishReason: FinishReason;
  /** Its replies, one after the other, if recorded times may be among them; else only their tokens matter. */
  readonly replies?: readonly TimedReply[] | undefined;
}

/** The contents of a body. */
export type Content =
  /** JSON, a byte string. */
  | { readonly kind: 'json'; readonly spelled: string }
  /** JSON that lacks only its id and date. */
  | { readonly kind: 'named'; readonly head: Head }
  | { readonly kind: 'events'; readonly stream: EventStream }
  /** A text with its own content type. */
  | { readonly kind: 'text'; readonly type: string; readonly text: string }
  /** The bytes of an upstream's answer, as they come. */
  | { readonly kind: 'relayed'; readonly exchange: Exchange }
  /** Server-sent events, or lines of JSON, that come later, until the client leaves or the server stops. */
  | { readonly kind: 'live'; readonly format: LiveFormat; readonly open: OpenLive };

export type LiveFormat = 'events' | 'lines';

/**
 * Begins to write events.
 *
 * @param write writes an event, or a line, with what ends it
 * @param end ends the answer
 * @returns how to stop writing
 */
export type OpenLive = (write: (event: string) => void, end: () => void) => () => void;

/**
 * A JSON answer, serialized immediately.
 *
 * @throws AppError if it would be longer than a string can be: text from the request may grow when it is escaped
 */
export function jsonOf(body: object): Answered {
  try {
    return { content: { kind: 'json', spelled: spell(body) } };
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new AppError('bad_request', { cause, message: 'The answer would be too long to be written.' });
  }
}

/** The same for the legacy API, whose bodies are exactly what `JSON.stringify` writes. */
export function legacyJsonOf(body: object): Answered {
  return { content: { kind: 'json', spelled: plainJson(body) } };
}

import type { IncomingMessage } from 'node:http';
import { AppError } from '../core/errors.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import { plainJson, spell } from '../core/spelled-text.js';
import type { Match } from '../lookup/lookup.js';
import type { Model } from '../models/model.js';
import type { EventStream, Head } from '../openai/event-stream.js';
import type { FinishReason } from '../openai/reply.js';
import type { Usage } from '../openai/usage.js';

/** What a path and a method answer. Express, and the code under it, both call this one function. */
export interface Endpoint<Asked = unknown> {
  /**
   * Reads what is asked for.
   *
   * @throws AppError that names what is wrong
   */
  parse(input: Input): Asked;
  /**
   * Answers it: at once, or by a promise where it has to wait.
   *
   * @throws AppError, at once or as a rejection
   */
  answer(asked: Asked, context: RequestContext): MaybePromise<Answered>;
  /** True if equal bodies get equal answers, for as long as the dataset stays as it is: they may be remembered. */
  readonly isRemembered?: boolean;
}

/** What of a request says what is asked for. */
export interface Input {
  /** The path as it was asked for, without its query. */
  readonly path: string;
  /** What was parsed; undefined if there was none. */
  readonly body: unknown;
  /** What stands in the path where the operation has a parameter. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
}

/** What an endpoint may need of the request besides what it asks for. */
export interface RequestContext {
  readonly request: IncomingMessage;
  /** Tells when the client has left, or waits for too long. Made when it is first asked for. */
  readonly signal: () => AbortSignal;
  /**
   * Counts a reply that the request is answered with among what all requests hold, until its answer is sent.
   *
   * @throws AppError if there is no room for it
   */
  holdReply(match: Match): void;
}

/** An answer. It may be sent any number of times. */
export interface Answered {
  /** 200 if undefined. */
  readonly status?: number;
  /** Names and values, printable ASCII, besides those that all answers have. */
  readonly headers?: readonly string[];
  /** Where it comes from; undefined if nothing was looked up. */
  readonly origin?: Origin | undefined;
  /** Of a completion. */
  readonly outcome?: Outcome;
  readonly content: Content;
  /** Of an answer to remember: the state of the model that it was taken from. */
  readonly asOf?: { readonly model: Pick<Model, 'generation'>; readonly generation: number };
}

/** Where an answer comes from, as its headers say it. */
export interface Origin {
  /** The rung, or `none`. */
  readonly match: string;
  /** The conversation and the turn. */
  readonly source?: string;
  /** The model's id. */
  readonly dataset?: string;
}

/** What a completion has cost, and why it ends. */
export interface Outcome {
  /** The id of the model that it counts for. */
  readonly model: string;
  readonly usage: Usage;
  readonly finishReason: FinishReason;
}

/** What is in a body. */
export type Content =
  /** JSON, a byte string. */
  | { readonly kind: 'json'; readonly spelled: string }
  /** JSON, spelled but for its id and date. */
  | { readonly kind: 'named'; readonly head: Head }
  | { readonly kind: 'events'; readonly stream: EventStream }
  /** A text with a content type of its own. */
  | { readonly kind: 'text'; readonly type: string; readonly text: string };

/**
 * An answer of JSON, spelled at once.
 *
 * @throws AppError if it would be longer than a string can be: what is echoed of a request grows where it is escaped
 */
export function jsonOf(body: object): Answered {
  try {
    return { content: { kind: 'json', spelled: spell(body) } };
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new AppError('bad_request', { cause, message: 'The answer would be too long to be written.' });
  }
}

/** The same of the legacy API, whose bodies are those of `JSON.stringify`. */
export function legacyJsonOf(body: object): Answered {
  return { content: { kind: 'json', spelled: plainJson(body) } };
}

/** Checks what tests give, in the process and over HTTP. */

import { isRegExp } from 'node:util/types';
import { checked } from '../core/check.js';
import { AppError } from '../core/errors.js';
import { queryOf } from '../core/query.js';
import { parseChatRequest } from '../openai/chat-request.js';
import { ownError, ownMessage, ownReply, ownUse } from './schemas/checks.js';
import type {
  AskedRequest,
  FailureOptions,
  FailureValue,
  ReplyMessage,
  ReplyOptions,
  ReplySource,
  ReplyValue,
  When,
} from './types.js';

/** Which requests: by the text of the last message, by the texts of all, by an expression for the last, or by a function. */
export type Condition = string | readonly string[] | RegExp | ((request: AskedRequest) => boolean);

/** A reply or an error that a test gives. */
export interface OverrideSpec {
  /** Undefined for all requests. */
  readonly when: Condition | undefined;
  /** An error, or replies in turn: at least one; the last repeats. */
  readonly gives: { readonly failure: FailureValue } | { readonly replies: readonly ReplySource[] };
  /** How many requests it answers. */
  readonly times: number;
  readonly delayMs: number;
}

/**
 * What a program gives for some requests.
 *
 * @throws AppError that names the argument
 */
export function replySpec(
  when: When,
  reply: ReplySource | readonly ReplySource[],
  options?: ReplyOptions | null,
): OverrideSpec {
  return { when: conditionOf(when), gives: { replies: repliesOf(reply, 'reply') }, ...useOf(options ?? {}) };
}

/**
 * An error that a program gives.
 *
 * @throws AppError that names the argument
 */
export function failureSpec(failure: FailureValue, given?: FailureOptions | null): OverrideSpec {
  const { when, ...options } = given ?? {};
  const { retryAfter, ...rest } = Object(failure) as FailureValue;
  const error = retryAfter === undefined ? rest : { ...rest, retry_after: retryAfter };
  return {
    when: when === undefined ? undefined : conditionOf(when),
    gives: { failure: failureOf(error, 'failure') },
    ...useOf(options),
  };
}

/**
 * An element of the body of `POST /api/replies`.
 *
 * @param at its path in the body
 * @throws AppError that names the field
 */
export function specOf(body: unknown, at: string): OverrideSpec {
  const { prompt, pattern, flags, messages, reply, error, times, delay_ms } = checked(ownReply, body, at);
  const field = (name: string) => (at === '' ? name : `${at}.${name}`);
  if (flags !== undefined && pattern === undefined)
    throw invalid(at, 'flags', "Expected 'pattern' beside it.");
  const conditions = [prompt, pattern, messages].filter((each) => each !== undefined);
  if (conditions.length > 1)
    throw invalid(at, 'pattern', "Expected only one of 'prompt', 'pattern' and 'messages'.");
  if ((reply === undefined) === (error === undefined))
    throw invalid(at, 'reply', "Expected either 'reply' or 'error'.");
  if (conditions.length === 0 && reply !== undefined)
    throw invalid(at, 'prompt', "Expected one of 'prompt', 'pattern' and 'messages'.");
  const when =
    (prompt === undefined ? undefined : promptOf(prompt, field('prompt'))) ??
    (pattern === undefined
      ? messages && historyOf(messages, field('messages'))
      : expressionOf(pattern, flags, at));
  const gives =
    error === undefined
      ? { replies: repliesOf(reply, field('reply')) }
      : { failure: failureOf(error, field('error')) };
  return { when, gives, ...limitsOf(times, delay_ms) };
}

function conditionOf(when: When): Condition {
  if (typeof when === 'string') return promptOf(when, 'when');
  if (typeof when === 'function') return when;
  // The test may use its own in the meantime, which has a state.
  if (isRegExp(when)) return new RegExp(when);
  if (Array.isArray(when)) return historyOf(when, 'when');
  throw invalid('', 'when', 'Expected a text, a regular expression, a list of messages or a function.');
}

/** @throws AppError for an empty text: no request asks about one */
function promptOf(text: string, at: string): string {
  if (text === '') throw invalid('', at, 'Expected a text that is not empty.');
  return text;
}

/** The texts of messages, without the empty ones. */
function historyOf(messages: unknown, at: string): readonly string[] {
  const query = queryOf(parseChatRequest({ messages }).messages);
  if (query === undefined) throw invalid('', at, 'Expected a message with a text.');
  return query.histories[0] as readonly string[];
}

function expressionOf(pattern: string, flags: string | undefined, at: string): RegExp {
  try {
    return new RegExp(pattern, flags);
  } catch (error) {
    throw invalid(at, 'pattern', `${(error as Error).message}.`);
  }
}

function repliesOf(given: unknown, at: string): readonly ReplySource[] {
  if (!Array.isArray(given)) return [replyOf(given, at)];
  if (given.length === 0) throw invalid('', at, 'Expected at least one reply.');
  return given.map((each, i) => replyOf(each, `${at}[${i}]`));
}

function replyOf(given: unknown, at: string): ReplySource {
  return typeof given === 'function' ? (given as ReplySource) : checkedReply(given, at);
}

/**
 * A reply that isn't a function.
 *
 * @param at what it is called in errors
 * @throws AppError that names what is wrong
 */
export function checkedReply(given: unknown, at: string): ReplyValue {
  if (typeof given === 'string') return given;
  if (typeof given !== 'object' || given === null)
    throw invalid('', at, `Expected a text or a message, but got ${given === null ? 'null' : typeof given}.`);
  const message = checked(ownMessage, given, at) as ReplyMessage;
  const { content, tool_calls: calls } = message;
  if ((content ?? undefined) === undefined && (calls ?? []).length === 0)
    throw invalid('', at, 'Expected content or tool_calls.');
  for (const [i, call] of (calls ?? []).entries()) assertJson(call, `${at}.tool_calls[${i}]`);
  return message;
}

/** @throws AppError if a value can't be spelled as JSON: it contains itself, or a BigInt */
function assertJson(value: unknown, at: string): void {
  try {
    JSON.stringify(value);
  } catch (error) {
    if (error instanceof TypeError) throw invalid('', at, 'Expected values that JSON has.');
    throw error;
  }
}

function failureOf(given: unknown, at: string): FailureValue {
  const { retry_after: retryAfter, ...rest } = checked(ownError, given, at);
  return retryAfter === undefined ? rest : { ...rest, retryAfter };
}

function useOf({ delayMs, ...options }: ReplyOptions): Pick<OverrideSpec, 'times' | 'delayMs'> {
  if (delayMs === Number.POSITIVE_INFINITY || Number.isNaN(delayMs))
    throw invalid('options', 'delayMs', `Expected a number of ms, but got ${delayMs}.`);
  const given = Object.entries({ ...options, delay_ms: delayMs }).filter(([, value]) => value !== undefined);
  const { times, delay_ms } = checked(ownUse, Object.fromEntries(given), 'options');
  return limitsOf(times, delay_ms);
}

function limitsOf(times = Number.POSITIVE_INFINITY, delayMs = 0): Pick<OverrideSpec, 'times' | 'delayMs'> {
  return { times, delayMs };
}

function invalid(at: string, name: string, problem: string): AppError {
  const param = at === '' ? name : `${at}.${name}`;
  return new AppError('invalid_value', { param, message: `Invalid '${param}': ${problem}` });
}

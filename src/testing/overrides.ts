import { setTimeout as sleep } from 'node:timers/promises';
import { isRegExp } from 'node:util/types';
import { AppError } from '../core/errors.js';
import { after, type MaybePromise } from '../core/maybe-promise.js';
import { type Message, queryOf } from '../core/query.js';
import type { Override } from '../lookup/lookup.js';
import { bounded } from '../workers/bounded.js';
import { failureError } from './failures.js';
import { type Condition, checkedReply, type OverrideSpec } from './given.js';
import { recordedReply } from './recorded.js';
import type { AskedRequest, ReplySource } from './types.js';

/** A reply or an error that a test has given, with how often it was used. */
export class Entry {
  readonly number: number;
  readonly when: Condition | undefined;
  /** How many requests it still answers. */
  left: number;
  private readonly spec: OverrideSpec;
  private used = 0;

  /** @param number counts all that were given, from 1 */
  constructor(number: number, spec: OverrideSpec) {
    this.number = number;
    this.when = spec.when;
    this.left = spec.times;
    this.spec = spec;
  }

  /** True if it is an error. */
  get isError(): boolean {
    return 'failure' in this.spec.gives;
  }

  /**
   * Answers a request.
   *
   * @param asked the request, made when it is needed
   * @throws AppError that was given, or with the message of what the test's own function throws
   */
  answer(asked: () => AskedRequest, signal: () => AbortSignal): MaybePromise<Override> {
    const { gives, delayMs } = this.spec;
    this.left--;
    const reply =
      'replies' in gives ? gives.replies[Math.min(this.used++, gives.replies.length - 1)] : undefined;
    const answer = () => {
      if ('failure' in gives) throw failureError(gives.failure);
      return after(replyOf(reply as ReplySource, asked), (value): Override => {
        const { number } = this;
        return {
          rung: 'override',
          conversationId: 'override',
          replyIndex: number,
          reply: recordedReply(value),
        };
      });
    };
    return delayMs === 0 ? answer() : sleep(delayMs, undefined, { signal: signal() }).then(answer);
  }
}

function replyOf(reply: ReplySource, asked: () => AskedRequest) {
  if (typeof reply !== 'function') return reply;
  const request = asked();
  const made = ownCode('reply', () => bounded(() => reply(request)));
  const checked = (value: unknown) => ownCode('reply', () => checkedReply(value, 'reply'));
  // A promise that isn't this realm's is one, too.
  return typeof (made as Promise<unknown>)?.then === 'function'
    ? Promise.resolve(made).then(checked, (error) => fails('reply', error))
    : checked(made);
}

type Wanted = (entry: Entry) => boolean;

/** The replies and errors that one test has given, or all together. */
export class Overrides {
  /** Errors for all requests, oldest first. */
  private readonly general: Entry[] = [];
  /** By the text of the last message, oldest first. */
  private readonly exact = new Map<string, Entry[]>();
  /** Those with an expression or a function, oldest first. */
  private readonly patterns: Entry[] = [];

  add(entry: Entry): void {
    const { when } = entry;
    if (when === undefined) this.general.push(entry);
    else if (typeof when === 'string') this.addExact(when, entry);
    else if (isHistory(when)) this.addExact(when.at(-1) as string, entry);
    else this.patterns.push(entry);
  }

  clear(): void {
    this.general.length = 0;
    this.exact.clear();
    this.patterns.length = 0;
  }

  get isEmpty(): boolean {
    return this.exact.size === 0 && this.isExact;
  }

  /** True if all are for texts: requests with other texts aren't affected. */
  get isExact(): boolean {
    return this.general.length === 0 && this.patterns.length === 0;
  }

  /**
   * The entry for a request; undefined without one.
   *
   * @param asked the request, made when it is needed
   * @param isWanted false for entries that aren't for such a request
   * @throws AppError if the test's own expression or function fails
   */
  find(messages: readonly Message[], asked: () => AskedRequest, isWanted: Wanted): Entry | undefined {
    return lastOpen(this.general) ?? this.findExact(messages, isWanted) ?? this.findPattern(asked, isWanted);
  }

  private addExact(prompt: string, entry: Entry): void {
    const known = this.exact.get(prompt);
    if (known === undefined) this.exact.set(prompt, [entry]);
    else known.push(entry);
  }

  private findExact(messages: readonly Message[], isWanted: Wanted): Entry | undefined {
    if (this.exact.size === 0) return undefined;
    for (const history of queryOf(messages)?.histories ?? []) {
      const prompt = history.at(-1) as string;
      const entries = this.exact.get(prompt);
      if (entries === undefined) continue;
      const isSaid = ({ when }: Entry) => when === prompt || isSame(when, history);
      const found = lastOpen(entries, (entry) => isSaid(entry) && isWanted(entry));
      if (entries.length === 0) this.exact.delete(prompt);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private findPattern(asked: () => AskedRequest, isWanted: Wanted): Entry | undefined {
    if (this.patterns.length === 0) return undefined;
    const request = asked();
    return ownCode('condition', () =>
      bounded(() => lastOpen(this.patterns, (entry) => isWanted(entry) && accepts(entry.when, request))),
    );
  }
}

function isHistory(when: Condition | undefined): when is readonly string[] {
  return Array.isArray(when);
}

/** The latest entry that has requests left, and is accepted. Those that have none left are removed. */
function lastOpen(entries: Entry[], isWanted: Wanted = () => true): Entry | undefined {
  for (let i = entries.length - 1; i >= 0; i--) {
    const entry = entries[i] as Entry;
    if (entry.left <= 0) entries.splice(i, 1);
    else if (isWanted(entry)) return entry;
  }
  return undefined;
}

function accepts(when: Condition | undefined, request: AskedRequest): boolean {
  if (typeof when === 'function') return Boolean(when(request));
  if (!isRegExp(when)) return false;
  // An expression with the flag `g` or `y` would begin where it ended the last time.
  when.lastIndex = 0;
  return when.test(request.prompt);
}

function isSame(when: Condition | undefined, history: readonly string[]): boolean {
  return isHistory(when) && when.length === history.length && when.every((text, i) => text === history[i]);
}

/**
 * Runs a test's own code.
 *
 * @throws AppError with the message of what it throws
 */
function ownCode<T>(what: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    return fails(what, error);
  }
}

function fails(what: string, cause: unknown): never {
  const problem = cause instanceof Error ? cause.message : String(cause);
  throw new AppError('override_failed', { message: `The test's own ${what} failed: ${problem}`, cause });
}

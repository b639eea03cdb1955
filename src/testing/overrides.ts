import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { isNativeError, isRegExp } from 'node:util/types';
import { AppError } from '../core/errors.js';
import { OWN_CODE_MS_MAX, OWN_CODE_SLOW_MAX, THROWN_LENGTH_MAX } from '../core/limits.js';
import { after, type MaybePromise } from '../core/maybe-promise.js';
import { type Message, queryOf } from '../core/query.js';
import type { Override } from '../lookup/lookup.js';
import { bounded, TooSlow } from '../workers/bounded.js';
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
  /** The approximate memory that it takes, in bytes. */
  readonly bytes: number;
  private readonly spec: OverrideSpec;
  /** How often it was used. */
  used = 0;
  /** How often its own code took too long. */
  private slow = 0;

  /** @param number counts all that were given, from 1 */
  constructor(number: number, spec: OverrideSpec) {
    this.number = number;
    this.when = spec.when;
    this.left = spec.times;
    this.spec = spec;
    this.bytes = bytesOf(spec);
  }

  /** Throws if its own code took too long several times: each time, all other requests wait. */
  assertFast(): void {
    if (this.slow < OWN_CODE_SLOW_MAX) return;
    throw new Error(
      `it took longer than ${OWN_CODE_MS_MAX} ms ${OWN_CODE_SLOW_MAX} times, and isn't run any more`,
    );
  }

  /** Counts that its own code took too long, if that is the error. */
  noteSlow(error: unknown): void {
    if (error instanceof TooSlow) this.slow++;
  }

  /** True if it is an error. */
  get isError(): boolean {
    return 'failure' in this.spec.gives;
  }

  /** How many requests it answers. */
  get times(): number {
    return this.spec.times;
  }

  /** True if what it answers depends on how often it was used. */
  get isCounted(): boolean {
    const { gives, times } = this.spec;
    return times < Number.POSITIVE_INFINITY || ('replies' in gives && gives.replies.length > 1);
  }

  /**
   * Answers a request. The caller has taken it: see `Overrides.take`.
   *
   * @param used how often it was used before
   * @param asked the request, made when it is needed
   * @param time the time that the test's own code has for the request
   * @throws AppError that was given, or with the message of what the test's own function throws
   */
  answer(
    used: number,
    asked: () => AskedRequest,
    signal: () => AbortSignal,
    time: OwnTime,
  ): MaybePromise<Override> {
    const { gives, delayMs } = this.spec;
    const reply = 'replies' in gives ? gives.replies[Math.min(used, gives.replies.length - 1)] : undefined;
    const answer = () => {
      if ('failure' in gives) throw failureError(gives.failure);
      return after(replyOf(reply as ReplySource, this, asked, time), (value): Override => {
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

function replyOf(reply: ReplySource, entry: Entry, asked: () => AskedRequest, time: OwnTime) {
  if (typeof reply !== 'function') return reply;
  const request = asked();
  const made = ownCode('reply', () => {
    entry.assertFast();
    try {
      return time.run(() => reply(request));
    } catch (error) {
      entry.noteSlow(error);
      throw error;
    }
  });
  const checked = (value: unknown) => ownCode('reply', () => checkedReply(value, 'reply'));
  return ownCode('reply', () => isThenable(made))
    ? Promise.resolve(made).then(checked, (error) => fails('reply', error))
    : checked(made);
}

/** True for promises, also those of another realm. */
function isThenable(value: unknown): boolean {
  return typeof (value as Promise<unknown> | null | undefined)?.then === 'function';
}

/** The time that a test's own code has left for one request. */
export class OwnTime {
  private leftMs = OWN_CODE_MS_MAX;

  /** @throws what the code throws; TooSlow if there is no time left */
  run<T>(code: () => T): T {
    const startMs = performance.now();
    try {
      return bounded(code, this.leftMs);
    } finally {
      this.leftMs -= performance.now() - startMs;
    }
  }
}

/** The approximate memory that an entry takes, in bytes, without its texts. */
const ENTRY_BYTES = 512;

function bytesOf({ when, gives }: OverrideSpec): number {
  const texts = [isRegExp(when) ? when.source : when, 'replies' in gives ? gives.replies : gives.failure];
  return ENTRY_BYTES + 2 * JSON.stringify(texts).length;
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
  /** The approximate memory of all, in bytes. */
  bytes = 0;

  add(entry: Entry): void {
    const { when } = entry;
    this.bytes += entry.bytes;
    if (when === undefined) this.general.push(entry);
    else if (typeof when === 'string') this.addExact(when, entry);
    else if (isHistory(when)) this.addExact(when.at(-1) as string, entry);
    else this.patterns.push(entry);
  }

  /** Uses an entry once, and removes it if it is used up. */
  take(entry: Entry): void {
    entry.used++;
    if (--entry.left <= 0) this.remove(entry);
  }

  /** Removes an entry, if it is there. */
  remove(entry: Entry): void {
    this.bytes -= entry.bytes;
    const { when } = entry;
    if (when === undefined) remove(this.general, entry);
    else if (typeof when !== 'string' && !isHistory(when)) remove(this.patterns, entry);
    else {
      const prompt = typeof when === 'string' ? when : (when.at(-1) as string);
      const entries = this.exact.get(prompt) ?? [];
      remove(entries, entry);
      if (entries.length === 0) this.exact.delete(prompt);
    }
  }

  clear(): void {
    for (const entry of [...this.general, ...[...this.exact.values()].flat(), ...this.patterns])
      entry.left = 0;
    this.bytes = 0;
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
   * @param time the time that the test's own code has for the request
   * @throws AppError if the test's own expression or function fails
   */
  find(
    messages: readonly Message[],
    asked: () => AskedRequest,
    isWanted: Wanted,
    time: OwnTime,
  ): Entry | undefined {
    return (
      this.general.at(-1) ?? this.findExact(messages, isWanted) ?? this.findPattern(asked, isWanted, time)
    );
  }

  private addExact(prompt: string, entry: Entry): void {
    const known = this.exact.get(prompt);
    if (known === undefined) this.exact.set(prompt, [entry]);
    else known.push(entry);
  }

  private findExact(messages: readonly Message[], isWanted: Wanted): Entry | undefined {
    // An empty result of a tool is the last message, but not a part of a history.
    const last = messages.at(-1);
    if (this.exact.size === 0 || (last?.role === 'tool' && last.text === '')) return undefined;
    for (const history of queryOf(messages)?.histories ?? []) {
      const prompt = history.at(-1) as string;
      const entries = this.exact.get(prompt);
      if (entries === undefined) continue;
      const isSaid = ({ when }: Entry) => when === prompt || isSame(when, history);
      const found = entries.findLast((entry) => isSaid(entry) && isWanted(entry));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private findPattern(asked: () => AskedRequest, isWanted: Wanted, time: OwnTime): Entry | undefined {
    if (this.patterns.length === 0) return undefined;
    const request = asked();
    let tried: Entry | undefined;
    const isAccepted = (entry: Entry) => {
      if (!isWanted(entry)) return false;
      tried = entry;
      entry.assertFast();
      return accepts(entry.when, request);
    };
    return ownCode('condition', () => {
      try {
        return time.run(() => this.patterns.findLast(isAccepted));
      } catch (error) {
        tried?.noteSlow(error);
        throw error;
      }
    });
  }
}

function remove(entries: Entry[], entry: Entry): void {
  const at = entries.lastIndexOf(entry);
  if (at >= 0) entries.splice(at, 1);
}

function isHistory(when: Condition | undefined): when is readonly string[] {
  return Array.isArray(when);
}

function accepts(when: Condition | undefined, request: AskedRequest): boolean {
  if (typeof when === 'function') {
    const accepted: unknown = when(request);
    if (!isThenable(accepted)) return Boolean(accepted);
    // Its rejection would end the process.
    Promise.resolve(accepted).catch(() => undefined);
    throw new TypeError('expected true or false, but got a promise');
  }
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
  throw new AppError('override_failed', {
    message: `The test's own ${what} failed: ${problemOf(cause)}`,
  });
}

/** What was thrown, in words. It may be anything, and its own methods may throw. */
function problemOf(cause: unknown): string {
  try {
    const isError = cause instanceof Error || isNativeError(cause);
    return (isError ? String(cause.message) : inspect(cause)).slice(0, THROWN_LENGTH_MAX);
  } catch {
    return 'it threw something that has no text';
  }
}

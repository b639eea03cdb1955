import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Operation } from '../api/operations.js';
import type { ByteCount } from '../core/bytes.js';
import { LOGGED_PROMPT_LENGTH_MAX } from '../core/limits.js';
import { after, type MaybePromise } from '../core/maybe-promise.js';
import type { Message, Query } from '../core/query.js';
import type { UpstreamFormat } from '../core/recording.js';
import type { Match, Override } from '../lookup/lookup.js';
import type { Scope } from '../store/scopes.js';
import type { Asking } from '../testing/asked.js';
import { OwnTime } from '../testing/overrides.js';
import type { Testing } from '../testing/testing.js';
import type { ContextLimits } from './context-limits.js';
import type { Deliverer } from './deliverer.js';
import type { Answered, Endpoint, Input, RequestContext, UpstreamAnswering } from './endpoint.js';
import type { HeldMemory } from './held-memory.js';
import type { RecordingKeys } from './recording-keys.js';
import { factsOf } from './request-facts.js';
import { type UpstreamCall, upstreamFormatOf } from './upstream-call.js';
import { unlessAborted, whileOpen } from './while-open.js';

/** Answers the requests of one operation. */
export type Run = (
  input: Input,
  request: IncomingMessage,
  response: ServerResponse,
) => MaybePromise<Answered>;

/** The operations with a body that may be for all tests. */
const FOR_ALL_TESTS: ReadonlySet<string> = new Set(['giveReplies', 'setFailures']);

/**
 * Runs an endpoint for each request. Requests with a body, except those, must name their test if the setting `SCOPED` says so.
 *
 * @param operation undefined for files of a page
 * @param held counts the memory that its requests hold
 * @param timeoutMs how long a request may wait for its answer
 * @param testing has the replies that tests have given
 * @param deliverer counts the requests in the order in which they come, and admits them
 * @param contexts rejects those whose prompts are too long, before they are admitted
 * @param upstream what answers in place of the datasets
 * @returns the answer; if it has to be waited for, a promise, which rejects when the client disconnects
 */
export function runnerOf(
  endpoint: Endpoint,
  operation: Operation | undefined,
  held: HeldMemory,
  timeoutMs: number,
  testing: Testing,
  deliverer: Deliverer,
  contexts: ContextLimits,
  upstream: UpstreamParts,
): Run {
  const isOfTest = operation?.body !== undefined && !FOR_ALL_TESTS.has(operation.id);
  const format = upstreamFormatOf(operation?.id);
  const readsTest = isOfTest || operation?.tag === 'Testing';
  return (input, request, response) => {
    if (readsTest) testing.assertTest(request.headers, isOfTest);
    const asked = endpoint.parse(input);
    const context = new Context(input, request, response, held, timeoutMs, testing, upstream, format);
    const { headers } = request;
    const { modelOf } = endpoint;
    if (modelOf === undefined || !(contexts.areSet || deliverer.concerns(headers)))
      return answerOf(endpoint, asked, context);
    const planned = deliverer.concerns(headers)
      ? waitedFor(deliverer.plan(modelOf(asked), response, context.scope), context)
      : undefined;
    return after(planned, (plan) => {
      const fits = contexts.areSet
        ? waitedFor(contexts.assertFits(endpoint, asked, factsOf(response).isAnthropic), context)
        : undefined;
      return after(fits, () => {
        const isStream = endpoint.isStream?.(asked) === true;
        const admitted = plan && deliverer.admit(plan, isStream, response, context.signal);
        return after(admitted, () => answerOf(endpoint, asked, context));
      });
    });
  };
}

/** What answers in place of the datasets. */
export interface UpstreamParts {
  /** Undefined if no upstream is asked. */
  readonly upstream: UpstreamAnswering | undefined;
  /** Undefined without recordings and an upstream. */
  readonly recordingKeys: RecordingKeys | undefined;
}

function answerOf(endpoint: Endpoint, asked: unknown, context: Context): MaybePromise<Answered> {
  return waitedFor(endpoint.answer(asked, context), context);
}

/** A task that rejects when the client disconnects, or has waited for too long. */
function waitedFor<T>(task: MaybePromise<T>, { signal }: Context): MaybePromise<T> {
  return task instanceof Promise ? unlessAborted(signal(), task) : task;
}

class Context implements RequestContext {
  readonly request: IncomingMessage;
  private readonly response: ServerResponse;
  private readonly held: HeldMemory;
  private readonly timeoutMs: number;
  private readonly input: Input;
  private readonly testing: Testing;
  private readonly parts: UpstreamParts;
  private readonly format: UpstreamFormat | undefined;
  private made: AbortSignal | undefined = undefined;
  private time: OwnTime | undefined = undefined;
  private ownScope: { readonly scope: MaybePromise<Scope | undefined> } | undefined = undefined;

  constructor(
    input: Input,
    request: IncomingMessage,
    response: ServerResponse,
    held: HeldMemory,
    timeoutMs: number,
    testing: Testing,
    parts: UpstreamParts,
    format: UpstreamFormat | undefined,
  ) {
    this.parts = parts;
    this.format = format;
    this.input = input;
    this.testing = testing;
    this.request = request;
    this.response = response;
    this.held = held;
    this.timeoutMs = timeoutMs;
  }

  readonly signal = (): AbortSignal => {
    this.made ??= whileOpen(this.response, this.timeoutMs);
    return this.made;
  };

  /** What is set for the test that asks. The store is asked once. */
  readonly scope = (): MaybePromise<Scope | undefined> => {
    this.ownScope ??= { scope: this.testing.scopeOf(this.request.headers) };
    return this.ownScope.scope;
  };

  get streamInterval(): number {
    return factsOf(this.response).plan?.interval ?? 0;
  }

  get wantsTimings(): boolean {
    return (factsOf(this.response).plan?.replaySpeed ?? 0) > 0;
  }

  holdReply(match: Pick<Match, 'reply'>): void {
    this.held.holdReply(factsOf(this.response), match);
  }

  holdAnswer(bytes: ByteCount): void {
    this.held.holdAnswer(factsOf(this.response), bytes);
  }

  override(messages: readonly Message[]): MaybePromise<Override | undefined> {
    return this.untilStopped(this.testing.override(this.asking, messages, this.untilEnd, false, this.scope));
  }

  overrideError(messages: readonly Message[]): MaybePromise<undefined> {
    const own = this.testing.override(this.asking, messages, this.untilEnd, true, this.scope);
    return after(this.untilStopped(own), () => undefined);
  }

  /** Also aborts when the server stops: a delay must not keep the process alive. */
  private readonly untilEnd = (): AbortSignal => AbortSignal.any([this.signal(), this.testing.stopping]);

  private untilStopped<T>(own: MaybePromise<T>): MaybePromise<T> {
    return own instanceof Promise ? unlessAborted(this.testing.stopping, own) : own;
  }

  overrideNumber(messages: readonly Message[]): MaybePromise<number | undefined> {
    return this.testing.numberFor(this.asking, messages, this.scope);
  }

  private get asking(): Asking & { readonly time: OwnTime } {
    const { method = '', url: path = '', headers } = this.request;
    this.time ??= new OwnTime();
    return { method, path, headers, body: this.input.body, time: this.time };
  }

  get upstream(): UpstreamAnswering | undefined {
    const { format, parts } = this;
    return format !== undefined && parts.upstream?.answers(format) ? parts.upstream : undefined;
  }

  get recordingKeys(): RecordingKeys | undefined {
    return this.parts.recordingKeys;
  }

  upstreamCall(body?: object): UpstreamCall | undefined {
    const { format, input, request } = this;
    if (format === undefined || this.recordingKeys === undefined) return undefined;
    const { headers } = request;
    const isOpen = () => !this.response.destroyed;
    if (body !== undefined)
      return { format, headers, bytes: Buffer.from(JSON.stringify(body)), body, isOpen };
    const bytes = factsOf(this.response).body ?? Buffer.alloc(0);
    return { format, headers, bytes, body: input.body as object, isOpen };
  }

  noteMiss(query: Query | undefined): void {
    const prompt = query?.histories[0]?.at(-1);
    factsOf(this.response).missedPrompt = prompt?.slice(0, LOGGED_PROMPT_LENGTH_MAX);
  }
}

/** Asks an upstream in place of the datasets, and records what it answers. */

import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import { AppError } from '../core/errors.js';
import { after, type MaybePromise } from '../core/maybe-promise.js';
import type { UpstreamFormat } from '../core/recording.js';
import { inSteps } from '../core/steps.js';
import type { Recorder } from '../recordings/recorder.js';
import type { UpstreamUse } from '../settings/recording.js';
import type { Upstream } from '../upstream/client.js';
import { conversationOf } from '../upstream/conversation.js';
import type { Exchange } from '../upstream/exchange.js';
import { answersOf } from '../upstream/reading.js';
import { responseObjectIn } from '../upstream/response-object.js';
import type { Answered, Origin, UpstreamAnswering } from './endpoint.js';
import { assertNotForeign, type PageRules } from './foreign-page.js';
import type { RecordingKeys } from './recording-keys.js';
import type { UpstreamCall } from './upstream-call.js';

/** Where the answers of an upstream come from, as in their headers. */
const FROM_UPSTREAM: Origin = { match: 'upstream' };

/** The file that answers are recorded in. */
export interface RecordingFile {
  readonly recorder: Recorder;
  /** Reads what was appended. */
  readonly lookAtFile: () => void;
}

/** How many answers there were, by what became of them. */
export interface UpstreamCounts {
  /** Passed on, and not to be recorded. */
  forwarded: number;
  recorded: number;
  /** Not recorded, because they aren't complete and good, or because the file can't be written; or there was no answer. */
  failed: number;
}

/** Asks the upstream. Equal requests that come together are asked once. */
export class UpstreamAnswers implements UpstreamAnswering {
  readonly counts: UpstreamCounts = { forwarded: 0, recorded: 0, failed: 0 };
  private readonly upstream: Upstream;
  private readonly use: UpstreamUse;
  private readonly model: string | undefined;
  private readonly recording: RecordingFile | undefined;
  private readonly keys: RecordingKeys;
  private readonly rules: PageRules;
  private readonly logger: Logger;
  /** Requests whose answers are coming, by what decides these. */
  private readonly running = new Map<string, Exchange>();
  /** The conversations whose replies are being recorded, by their keys. */
  private readonly pending = new Map<string, Promise<void>>();

  /**
   * @param model is asked in place of the client's; undefined leaves it
   * @param recording undefined if nothing is recorded
   * @param keys identifies what is recorded
   * @param rules which pages may ask
   */
  constructor(
    upstream: Upstream,
    use: UpstreamUse,
    model: string | undefined,
    recording: RecordingFile | undefined,
    keys: RecordingKeys,
    rules: PageRules,
    logger: Logger,
  ) {
    this.rules = rules;
    this.keys = keys;
    this.upstream = upstream;
    this.use = use;
    this.model = model;
    this.recording = use.records ? recording : undefined;
    this.logger = logger;
  }

  /** True if requests go to the upstream whether or not they have a reply. */
  get isFirst(): boolean {
    return this.use.asks === 'all';
  }

  answers(format: UpstreamFormat): boolean {
    return this.upstream.has(format);
  }

  /**
   * See `UpstreamAnswering`. If the reply to the same conversation is being recorded, waits for it.
   *
   * @param again looks the prompt up again
   * @throws AppError, as a rejection, if there is no answer
   */
  answer(
    call: UpstreamCall,
    again: () => MaybePromise<Answered | undefined>,
    onRelayed: (body: unknown) => void = () => {},
  ): Promise<Answered> {
    assertNotForeign(call.headers, this.rules);
    const id = this.idOf(call);
    const shared = this.shared(id);
    if (shared !== undefined) return shared;
    const keys = this.recording === undefined ? [] : this.keys.of(call).map(([key]) => key);
    const waited = this.isFirst ? [] : keys.flatMap((key) => this.pending.get(key) ?? []);
    if (waited.length === 0) return this.ask(call, id, keys, onRelayed);
    // If it isn't recorded, none of them waits again.
    return Promise.all(waited).then(() =>
      after(again(), (found) => {
        if (found !== undefined) return found;
        // It isn't sent.
        if (!call.isOpen()) throw new AppError('timed_out');
        return this.shared(id) ?? this.ask(call, id, keys, onRelayed);
      }),
    );
  }

  /** Identifies a request by everything that decides its answer: who asks, and what. */
  private idOf({ format, headers, bytes }: UpstreamCall): string {
    const asker = this.upstream.askerOf(format, headers);
    return createHash('sha256').update(`${format} ${asker}\n`).update(bytes).digest('base64');
  }

  /** The answer to an equal request that is running; undefined without one, or if its beginning is gone. */
  private shared(id: string): Promise<Answered> | undefined {
    const running = this.running.get(id);
    return running?.isKept === true ? answeredBy(running) : undefined;
  }

  private ask(
    call: UpstreamCall,
    id: string,
    keys: readonly string[],
    onRelayed: (body: unknown) => void,
  ): Promise<Answered> {
    const exchange = this.upstream.ask(call.format, this.bodyOf(call), call.headers);
    this.running.set(id, exchange);
    const done = this.finish(call, exchange, onRelayed).finally(() => {
      if (this.running.get(id) === exchange) this.running.delete(id);
      for (const key of keys) if (this.pending.get(key) === done) this.pending.delete(key);
    });
    for (const key of keys) this.pending.set(key, done);
    return answeredBy(exchange);
  }

  /** Waits for the end of an answer, and records it if it is complete and good. */
  private async finish(
    call: UpstreamCall,
    exchange: Exchange,
    onRelayed: (body: unknown) => void,
  ): Promise<void> {
    const { isWhole, chunks, atMs } = await exchange.ended;
    const head = await exchange.head.catch(() => undefined);
    if (head === undefined || !isWhole) return this.failed(call, 'it was cut');
    const { status } = head;
    const response = { status, contentType: valueIn(head.headers, 'content-type'), chunks, atMs };
    if (call.format === 'responses') onRelayed(await inSteps(responseObjectIn(response)));
    if (this.recording === undefined) {
      this.counts.forwarded++;
      return;
    }
    const { recorder, lookAtFile } = this.recording;
    const histories = conversationOf(call.format, call.body);
    if (histories === undefined) return this.failed(call, 'a lookup could not find it');
    const answers = await inSteps(answersOf(call.format, call.body, response));
    if ('problem' in answers) return this.failed(call, answers.problem);
    const ids = this.keys.of(call);
    const recordedMs = Date.now();
    const upstream = this.upstream.urlOf(call.format).href;
    for (const [i, answer] of answers.entries()) {
      const messages = histories[i];
      const id = ids[i]?.at(answer.finishReason === 'length' ? 1 : 0);
      if (messages === undefined || id === undefined) continue;
      const isWritten = await recorder.append({ ...answer, id, messages, upstream, recordedMs });
      if (isWritten) this.counts.recorded++;
      else this.counts.failed++;
    }
    lookAtFile();
  }

  private failed({ format }: UpstreamCall, problem: string): void {
    this.counts.failed++;
    if (this.recording !== undefined)
      this.logger.debug({ format, problem }, 'answer of the upstream not recorded');
  }

  private bodyOf({ bytes, body }: UpstreamCall): Buffer {
    return this.model === undefined ? bytes : Buffer.from(JSON.stringify({ ...body, model: this.model }));
  }

  /**
   * Waits until all answers that are coming are recorded, and gives up those that take longer.
   *
   * @param ms how long to wait
   */
  async close(ms: number): Promise<void> {
    const timer = setTimeout(() => {
      for (const exchange of this.running.values()) exchange.abort();
    }, ms);
    while (this.pending.size > 0) await Promise.all(this.pending.values());
    clearTimeout(timer);
    await this.upstream.close();
    await this.recording?.recorder.close();
  }
}

/** The value of a header, in a list of names and values. */
function valueIn(headers: readonly string[], wanted: string): string | undefined {
  const at = headers.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === wanted);
  return at < 0 ? undefined : headers[at + 1];
}

async function answeredBy(exchange: Exchange): Promise<Answered> {
  const { status, headers } = await exchange.head;
  return { status, headers, origin: FROM_UPSTREAM, content: { kind: 'relayed', exchange } };
}

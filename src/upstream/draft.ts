/** An answer that is being put together from the pieces of a stream, or from a body. */

import { toolCallOf } from '../core/calls.js';
import { TIMINGS_MAX, UPSTREAM_USAGE_DEPTH_MAX } from '../core/limits.js';
import { isObject } from '../core/objects.js';
import type { RecordedAnswer, RecordedMessage } from '../core/recording.js';
import type { Timing } from '../core/timings.js';

/** Why an answer isn't recorded, in a few words for the log. */
export interface Problem {
  readonly problem: string;
}

/** A text, in pieces. */
export class DraftText {
  private readonly pieces: string[] = [];
  private readonly times: Timing[] = [];
  private joined: string | undefined = '';

  /** @param atMs when the piece came, in ms since the request; undefined if it wasn't streamed */
  add(piece: unknown, atMs: number | undefined): void {
    if (typeof piece !== 'string' || piece === '') return;
    this.pieces.push(piece);
    this.joined = undefined;
    if (atMs !== undefined) this.times.push([atMs, piece.length]);
  }

  get text(): string {
    this.joined ??= this.pieces.join('');
    return this.joined;
  }

  /** The times of its pieces; empty if it wasn't streamed. */
  get timings(): readonly Timing[] {
    return this.times;
  }

  /** The same text, without the characters before `length`, which were no part of the reply. */
  after(length: number): DraftText {
    const rest = new DraftText();
    let skipped = 0;
    for (const [i, piece] of this.pieces.entries()) {
      const from = Math.min(length - skipped, piece.length);
      skipped += from;
      rest.add(piece.slice(from), this.times[i]?.[0]);
    }
    return rest;
  }
}

/** A function call, in pieces. */
export class DraftCall {
  id = '';
  name = '';
  arguments = new DraftText();

  /** Takes the id and the name, unless it has them already. */
  describe(id: unknown, name: unknown): void {
    if (this.id === '' && typeof id === 'string') this.id = id;
    if (this.name === '' && typeof name === 'string') this.name = name;
  }
}

/** The reasons for which a complete answer ends, in OpenAI's words. */
const FINISH_REASONS: ReadonlyMap<unknown, string> = new Map([
  ...['stop', 'end_turn', 'stop_sequence', 'eos'].map((each) => [each, 'stop'] as const),
  ...['tool_calls', 'tool_use', 'function_call'].map((each) => [each, 'tool_calls'] as const),
  ...['length', 'max_tokens'].map((each) => [each, 'length'] as const),
]);

/** What has come of an answer. */
export class Draft {
  reasoning = new DraftText();
  refusal = new DraftText();
  content = new DraftText();
  /** In the order in which they begin. */
  readonly calls: DraftCall[] = [];
  private model: string | undefined;
  private usage: object | undefined;
  private finishReason: unknown;
  private firstProblem: string | undefined;

  /** The answer can't be recorded. The first reason counts. */
  fail(problem: string): void {
    this.firstProblem ??= problem;
  }

  /** Takes these fields of a body or of an event, where they have a value. Counts of a later usage replace those of an earlier one. */
  describe(fields: {
    readonly model?: unknown;
    readonly usage?: unknown;
    readonly finishReason?: unknown;
  }): void {
    const { model, usage, finishReason } = fields;
    if (typeof model === 'string' && model !== '') this.model ??= model;
    if (isObject(usage) && isWithin(usage, UPSTREAM_USAGE_DEPTH_MAX))
      this.usage = { ...this.usage, ...usage };
    if (finishReason !== undefined && finishReason !== null) this.finishReason ??= finishReason;
  }

  /** The counts are those of several answers. */
  sharesUsage(): void {
    this.usage = undefined;
  }

  /** @param mayBeCut true if the request had a token limit */
  answer(mayBeCut: boolean): RecordedAnswer | Problem {
    const finishReason = FINISH_REASONS.get(this.finishReason);
    const problem = this.firstProblem ?? this.problemOf(finishReason, mayBeCut);
    if (problem !== undefined) return { problem };
    return {
      reply: this.reply(),
      finishReason: finishReason as string,
      usage: this.usage,
      model: this.model,
    };
  }

  private problemOf(finishReason: string | undefined, mayBeCut: boolean): string | undefined {
    if (this.finishReason === undefined) return 'no finish reason';
    if (finishReason === undefined) return `finish reason ${quoted(this.finishReason)}`;
    if (finishReason === 'length' && !mayBeCut) return 'cut at a token limit that was not requested';
    if (this.calls.some(({ name }) => name === '')) return 'a call without a name';
    const isSaid = this.calls.length > 0 || this.content.text !== '' || this.refusal.text !== '';
    return isSaid ? undefined : 'empty answer';
  }

  private reply(): RecordedMessage {
    const { content, reasoning, refusal, calls } = this;
    // A turn has the text of its content, or else that of its refusal.
    const said = content.text === '' ? refusal : content;
    const timings = timingsOf([reasoning, said, ...calls.map((call) => call.arguments)]);
    return {
      role: 'assistant',
      content: content.text === '' ? null : content.text,
      ...(reasoning.text !== '' && { reasoning_content: reasoning.text }),
      ...(refusal.text !== '' && { refusal: refusal.text }),
      ...(calls.length > 0 && { tool_calls: calls.map(callOf) }),
      ...(timings !== undefined && { timings }),
    };
  }
}

function callOf({ id, name, arguments: { text } }: DraftCall): object {
  return toolCallOf({ id: id === '' ? undefined : id, name, arguments: text });
}

/**
 * The times of a reply. Its texts come one after the other, though their pieces may have come in turns: a piece that came before the end of an
 * earlier text gets the time of that end.
 */
function timingsOf(texts: readonly DraftText[]): readonly Timing[] | undefined {
  let latest = 0;
  const timings = texts.flatMap((text) =>
    text.timings.map(([ms, length]): Timing => {
      latest = Math.max(latest, Math.round(10 * ms) / 10);
      return [latest, length];
    }),
  );
  return timings.length > 0 && timings.length <= TIMINGS_MAX ? timings : undefined;
}

function quoted(reason: unknown): string {
  return typeof reason === 'string' ? `'${reason.slice(0, 40)}'` : 'of a wrong type';
}

/** True if a value nests no more objects and lists within each other than `depth`: serializing it is safe. */
function isWithin(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((each) => isWithin(each, depth - 1));
}

/** Reads responses, whole and streamed. */

import { isObject } from '../core/objects.js';
import { Draft, DraftCall, DraftText } from './draft.js';
import type { Fields, Reader } from './reader.js';

/** Items that a reply does without: tools that the upstream has called by itself. Any other would be missing in a recording. */
const LEFT_OUT = /^(?:web_search_call|file_search_call|code_interpreter_call|mcp_call|mcp_list_tools)$/;

/** Reads a response. */
export function responsesReader({ max_output_tokens }: Fields): Reader {
  const reading = new ResponseReading();
  return {
    drafts: [reading.draft],
    mayBeCut: typeof max_output_tokens === 'number',
    body: (fields) => reading.response(fields, []),
    event: (fields, atMs) => reading.event(fields, atMs),
    end: () => {},
  };
}

/** The last event has the whole response. The events before it have the times. */
class ResponseReading {
  readonly draft = new Draft();
  private readonly texts = new DraftText();
  private readonly refusals = new DraftText();
  private readonly reasonings = new DraftText();
  private readonly summaries = new DraftText();
  /** The arguments of each call, by the index of its item. */
  private readonly arguments = new Map<unknown, DraftText>();
  private readonly items: unknown[] = [];

  event({ type, delta, output_index, item, response }: Fields, atMs: number): void {
    switch (type) {
      case 'response.output_text.delta':
        this.texts.add(delta, atMs);
        break;
      case 'response.refusal.delta':
        this.refusals.add(delta, atMs);
        break;
      case 'response.reasoning_text.delta':
        this.reasonings.add(delta, atMs);
        break;
      case 'response.reasoning_summary_text.delta':
        this.summaries.add(delta, atMs);
        break;
      case 'response.function_call_arguments.delta':
        this.argumentsAt(output_index).add(delta, atMs);
        break;
      case 'response.output_item.done':
        this.items.push(item);
        break;
      case 'response.completed':
      case 'response.incomplete':
        this.response(isObject(response) ? response : {}, this.items);
        break;
      case 'response.failed':
        this.draft.fail('the response has failed');
        break;
    }
  }

  /** @param done the items of its output, where the response itself has none: some servers don't repeat them */
  response({ status, output, incomplete_details, model, usage }: Fields, done: readonly unknown[]): void {
    const items: readonly unknown[] = Array.isArray(output) && output.length > 0 ? output : done;
    for (const item of items) this.item(isObject(item) ? item : {});
    const reason = isObject(incomplete_details) ? incomplete_details.reason : undefined;
    const isCut = status === 'incomplete';
    if (status !== 'completed' && !isCut) this.draft.fail(`status ${String(status).slice(0, 40)}`);
    if (isCut && reason !== 'max_output_tokens')
      this.draft.fail(`incomplete: ${String(reason).slice(0, 40)}`);
    const ended = this.draft.calls.length > 0 ? 'tool_calls' : 'stop';
    this.draft.describe({ model, usage, finishReason: isCut ? 'length' : ended });
    this.takeTimes();
  }

  private item({ type, content, summary, call_id, name, arguments: given }: Fields): void {
    if (type === 'reasoning') this.draft.reasoning.add(textOf(content) || textOf(summary), undefined);
    else if (type === 'message') {
      this.draft.content.add(textOf(content), undefined);
      this.draft.refusal.add(textOf(content, 'refusal'), undefined);
    } else if (type === 'function_call') {
      const call = new DraftCall();
      call.describe(call_id, name);
      call.arguments.add(given, undefined);
      this.draft.calls.push(call);
    } else if (typeof type !== 'string' || !LEFT_OUT.test(type)) {
      this.draft.fail(`an item of type ${String(type).slice(0, 40)}`);
    }
  }

  /** Takes the texts of the events in place of those of the response, where all of them are equal. */
  private takeTimes(): void {
    const { draft, texts, refusals } = this;
    const reasonings = this.reasonings.text === '' ? this.summaries : this.reasonings;
    const given = [...this.arguments].sort(([one], [other]) => Number(one) - Number(other));
    const timed = given.map(([, text]) => text).filter(({ text }) => text !== '');
    const called = draft.calls.filter((call) => call.arguments.text !== '');
    const isSame =
      texts.text === draft.content.text &&
      refusals.text === draft.refusal.text &&
      reasonings.text === draft.reasoning.text &&
      timed.length === called.length &&
      called.every((call, i) => call.arguments.text === timed[i]?.text);
    if (!isSame) return;
    draft.content = texts;
    draft.refusal = refusals;
    draft.reasoning = reasonings;
    for (const [i, call] of called.entries()) call.arguments = timed[i] as DraftText;
  }

  private argumentsAt(index: unknown): DraftText {
    const text = this.arguments.get(index) ?? new DraftText();
    this.arguments.set(index, text);
    return text;
  }
}

/** The texts of parts, joined: those of the field `text`, or of another one. */
function textOf(parts: unknown, field: 'text' | 'refusal' = 'text'): string {
  const list: readonly unknown[] = Array.isArray(parts) ? parts : [];
  return list.map((part) => (isObject(part) && typeof part[field] === 'string' ? part[field] : '')).join('');
}

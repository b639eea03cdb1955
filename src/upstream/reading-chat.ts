/** Reads chat completions and completions, whole and streamed. */

import { parseCall } from '../core/calls.js';
import { isObject } from '../core/objects.js';
import { reasoningOfParts, textOfParts } from '../core/parts.js';
import { Draft, DraftCall } from './draft.js';
import type { Fields, Reader } from './reader.js';

/** Reads a chat completion. */
export function chatReader(request: Fields): Reader {
  const reading = new ChatReading();
  const read = (fields: Fields, part: 'message' | 'delta', atMs: number | undefined) => {
    reading.draft.describe({ model: fields.model, usage: fields.usage });
    for (const [index, choice] of choicesOf(fields)) if (index === 0) reading.choice(choice, part, atMs);
  };
  return {
    drafts: [reading.draft],
    mayBeCut: isNumber(request.max_completion_tokens) || isNumber(request.max_tokens),
    body: (fields) => read(fields, 'message', undefined),
    event: (fields, atMs) => read(fields, 'delta', atMs),
    end: () => {},
  };
}

/** Reads the completions of one or more prompts. */
export function completionsReader({ prompt, n, max_tokens, echo }: Fields): Reader {
  const prompts: readonly unknown[] =
    Array.isArray(prompt) && typeof prompt[0] !== 'number' ? prompt : [prompt];
  const drafts = prompts.map(() => new Draft());
  const choicesEach = isNumber(n) ? n : 1;
  const end = () => {
    for (const [i, draft] of drafts.entries()) {
      if (drafts.length > 1) draft.sharesUsage();
      if (echo === true) withoutPrompt(draft, prompts[i]);
    }
  };
  const read = (fields: Fields, atMs: number | undefined) => {
    for (const draft of drafts) draft.describe({ model: fields.model, usage: fields.usage });
    for (const [index, choice] of choicesOf(fields)) {
      const draft = index % choicesEach === 0 ? drafts[index / choicesEach] : undefined;
      draft?.content.add(choice.text, atMs);
      draft?.describe({ finishReason: choice.finish_reason });
    }
  };
  return {
    drafts,
    mayBeCut: isNumber(max_tokens),
    body: (fields) => {
      read(fields, undefined);
      end();
    },
    event: read,
    end,
  };
}

/** With `echo`, the text begins with the prompt, which is no part of the reply. */
function withoutPrompt(draft: Draft, prompt: unknown): void {
  if (typeof prompt !== 'string' || !draft.content.text.startsWith(prompt))
    draft.fail('no echo of the prompt');
  else draft.content = draft.content.after(prompt.length);
}

/** One choice of a chat completion. */
class ChatReading {
  readonly draft = new Draft();
  /** By their indexes in the stream. */
  private readonly indexes: number[] = [];

  choice(choice: Fields, part: 'message' | 'delta', atMs: number | undefined): void {
    this.draft.describe({ finishReason: choice.finish_reason });
    const message = choice[part];
    if (!isObject(message)) return;
    const { content, reasoning_content, reasoning, refusal, tool_calls, function_call } = message;
    const parts = Array.isArray(content) ? content : undefined;
    // Some servers send the same reasoning by both names.
    this.draft.reasoning.add(reasoning_content || reasoning || (parts && reasoningOfParts(parts)), atMs);
    this.draft.content.add(parts === undefined ? content : textOfParts(parts), atMs);
    this.draft.refusal.add(refusal, atMs);
    for (const call of Array.isArray(tool_calls) ? tool_calls : []) this.call(call, part, atMs);
    if (isObject(function_call)) this.call({ index: 0, function: function_call }, part, atMs);
  }

  private call(fields: unknown, part: 'message' | 'delta', atMs: number | undefined): void {
    if (!isObject(fields) || !isObject(fields.function)) {
      this.draft.fail('a call that is not of a function');
      return;
    }
    const { id, index, function: called } = fields;
    const begins = typeof called.name === 'string' && called.name !== '';
    const call = part === 'message' ? this.newCall(index) : this.callAt(index, id, begins);
    call.describe(id, called.name);
    const { arguments: given } = called;
    call.arguments.add(
      isObject(given) ? parseCall({ name: '', arguments: given }, id)?.arguments : given,
      atMs,
    );
  }

  /**
   * The call that a delta continues, or a new one. Some servers leave the index out, or give all calls the same: there a name with another id
   * begins another call.
   */
  private callAt(index: unknown, id: unknown, begins: boolean): DraftCall {
    const place = isNumber(index) ? this.indexes.lastIndexOf(index) : this.indexes.length - 1;
    const open = this.draft.calls[place];
    const isOther = begins && typeof id === 'string' && open?.id !== '' && open?.id !== id;
    return open === undefined || isOther ? this.newCall(index) : open;
  }

  private newCall(index: unknown): DraftCall {
    const call = new DraftCall();
    this.draft.calls.push(call);
    this.indexes.push(isNumber(index) ? index : this.indexes.length);
    return call;
  }
}

/** The choices with their indexes. */
function choicesOf({ choices }: Fields): readonly (readonly [index: number, choice: Fields])[] {
  const list: readonly unknown[] = Array.isArray(choices) ? choices : [];
  return list
    .filter(isObject)
    .map((choice, i) => [isNumber(choice.index) ? choice.index : i, choice] as const);
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

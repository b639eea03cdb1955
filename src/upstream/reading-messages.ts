/** Reads messages of Anthropic's API, whole and streamed. */

import { parseCall } from '../core/calls.js';
import { isObject } from '../core/objects.js';
import { Draft, DraftCall } from './draft.js';
import type { Fields, Reader } from './reader.js';

/** Blocks that a reply does without: hidden thinking, and tools that the upstream has called by itself. */
const LEFT_OUT = /^(?:redacted_thinking|server_tool_use|mcp_tool_use|\w+_tool_result|container_upload)$/;

/** Reads a message. */
export function messagesReader(): Reader {
  const reading = new MessageReading();
  return {
    drafts: [reading.draft],
    // Each request has a limit.
    mayBeCut: true,
    body: (fields) => reading.body(fields),
    event: (fields, atMs) => reading.event(fields, atMs),
    end: () => reading.end(),
  };
}

/** A call, and its arguments as the beginning of its block has them. */
interface OpenCall {
  readonly call: DraftCall;
  readonly given: string;
}

class MessageReading {
  readonly draft = new Draft();
  /** By the index of their blocks, until these end. */
  private readonly open = new Map<unknown, OpenCall>();
  private isStopped = false;

  body({ content, stop_reason, model, usage }: Fields): void {
    this.draft.describe({ model, usage, finishReason: stop_reason });
    for (const [index, block] of (Array.isArray(content) ? content : []).entries()) {
      this.begin(index, block, undefined);
      this.stop(index, undefined);
    }
  }

  event(fields: Fields, atMs: number): void {
    const { type, index, message, content_block, delta, usage } = fields;
    switch (type) {
      case 'message_start':
        if (isObject(message)) this.draft.describe({ model: message.model, usage: message.usage });
        break;
      case 'content_block_start':
        this.begin(index, content_block, atMs);
        break;
      case 'content_block_delta':
        if (isObject(delta)) this.delta(index, delta, atMs);
        break;
      case 'content_block_stop':
        this.stop(index, atMs);
        break;
      case 'message_delta':
        this.draft.describe({ usage, finishReason: isObject(delta) ? delta.stop_reason : undefined });
        break;
      case 'message_stop':
        this.isStopped = true;
        break;
    }
  }

  end(): void {
    if (!this.isStopped) this.draft.fail('the stream has no end');
  }

  private begin(index: unknown, block: unknown, atMs: number | undefined): void {
    if (!isObject(block)) return;
    const { type, text, thinking, id } = block;
    if (type === 'text') this.draft.content.add(text, atMs);
    else if (type === 'thinking') this.draft.reasoning.add(thinking, atMs);
    else if (type === 'tool_use') {
      const parsed = parseCall(block, id);
      const call = new DraftCall();
      call.describe(id, parsed?.name);
      this.draft.calls.push(call);
      this.open.set(index, { call, given: parsed?.arguments ?? '{}' });
    } else if (typeof type !== 'string' || !LEFT_OUT.test(type)) {
      this.draft.fail(`a block of type ${String(type).slice(0, 40)}`);
    }
  }

  private delta(index: unknown, { type, text, thinking, partial_json }: Fields, atMs: number): void {
    if (type === 'text_delta') this.draft.content.add(text, atMs);
    else if (type === 'thinking_delta') this.draft.reasoning.add(thinking, atMs);
    else if (type === 'input_json_delta') this.open.get(index)?.call.arguments.add(partial_json, atMs);
  }

  /** Without deltas, a call has the arguments of its beginning. */
  private stop(index: unknown, atMs: number | undefined): void {
    const open = this.open.get(index);
    this.open.delete(index);
    if (open?.call.arguments.text === '') open.call.arguments.add(open.given, atMs);
  }
}

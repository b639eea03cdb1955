import type { FunctionCall } from '../core/calls.js';
import type { Turn } from '../core/conversation.js';
import { Decoded, Spelled, type SpelledText } from '../core/spelled-text.js';

/** A reply as recorded in the dataset. Its text is decoded or serialized only when needed. */
export class RecordedReply implements Turn {
  readonly from: string;
  readonly content: SpelledText;
  declare readonly calls?: readonly FunctionCall[];
  declare readonly reasoning?: string;

  private constructor(from: string, content: SpelledText) {
    this.from = from;
    this.content = content;
  }

  /** Creates the reply from a parsed turn. */
  static of({ from, value, calls, reasoning }: Turn): RecordedReply {
    const reply = withReasoning(new RecordedReply(from, new Decoded(value)), reasoning);
    return calls === undefined ? reply : Object.assign(reply, { calls });
  }

  /**
   * Creates a reply without function calls.
   *
   * @param spelled its text as `JSON.stringify` writes it, including the quotes; a byte string
   */
  static spelled(from: string, spelled: string, reasoning?: string): RecordedReply {
    return withReasoning(new RecordedReply(from, new Spelled(spelled)), reasoning);
  }

  get value(): string {
    return this.content.text;
  }
}

function withReasoning(reply: RecordedReply, reasoning: string | undefined): RecordedReply {
  return reasoning === undefined ? reply : Object.assign(reply, { reasoning });
}

import type { FunctionCall } from '../core/calls.js';
import type { Turn } from '../core/conversation.js';
import { Decoded, Spelled, type SpelledText } from '../core/spelled-text.js';

/** A reply as recorded in the dataset. Its text is decoded or serialized only when needed. */
export class RecordedReply implements Turn {
  readonly from: string;
  readonly content: SpelledText;
  declare readonly calls?: readonly FunctionCall[];

  private constructor(from: string, content: SpelledText) {
    this.from = from;
    this.content = content;
  }

  /** Creates the reply from a parsed turn. */
  static of({ from, value, calls }: Turn): RecordedReply {
    const reply = new RecordedReply(from, new Decoded(value));
    return calls === undefined ? reply : Object.assign(reply, { calls });
  }

  /**
   * Creates a reply without function calls.
   *
   * @param spelled its text as `JSON.stringify` writes it, including the quotes; a byte string
   */
  static spelled(from: string, spelled: string): RecordedReply {
    return new RecordedReply(from, new Spelled(spelled));
  }

  get value(): string {
    return this.content.text;
  }
}

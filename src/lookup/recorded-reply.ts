import type { FunctionCall } from '../core/calls.js';
import type { Turn } from '../core/conversation.js';
import { Decoded, Spelled, type SpelledText } from '../core/spelled-text.js';

/** A reply as the dataset has it. Its text is decoded, or spelled, when somebody asks for that. */
export class RecordedReply implements Turn {
  readonly from: string;
  readonly content: SpelledText;
  declare readonly calls?: readonly FunctionCall[];

  private constructor(from: string, content: SpelledText) {
    this.from = from;
    this.content = content;
  }

  /** A turn that was parsed. */
  static of({ from, value, calls }: Turn): RecordedReply {
    const reply = new RecordedReply(from, new Decoded(value));
    return calls === undefined ? reply : Object.assign(reply, { calls });
  }

  /**
   * A turn that calls no function.
   *
   * @param spelled its text as `JSON.stringify` spells it, quotes included; a byte string
   */
  static spelled(from: string, spelled: string): RecordedReply {
    return new RecordedReply(from, new Spelled(spelled));
  }

  get value(): string {
    return this.content.text;
  }
}

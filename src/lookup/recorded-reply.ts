import type { FunctionCall } from '../core/calls.js';
import type { Turn } from '../core/conversation.js';
import { Decoded, Spelled, type SpelledText } from '../core/spelled-text.js';
import type { Timing } from '../core/timings.js';

/** A reply as recorded in the dataset. Its text is decoded or serialized only when needed. */
export class RecordedReply implements Turn {
  readonly from: string;
  readonly content: SpelledText;
  declare readonly calls?: readonly FunctionCall[];
  declare readonly reasoning?: string;
  /** Undefined unless the query wants them. */
  declare readonly timings?: readonly Timing[];

  private constructor(from: string, content: SpelledText) {
    this.from = from;
    this.content = content;
  }

  /** Creates the reply from a parsed turn. */
  static of(turn: Turn): RecordedReply {
    const { from, value, calls } = turn;
    const reply = withFields(new RecordedReply(from, new Decoded(value)), turn);
    return calls === undefined ? reply : Object.assign(reply, { calls });
  }

  /**
   * Creates a reply without function calls.
   *
   * @param spelled its text as `JSON.stringify` writes it, including the quotes; a byte string
   * @param beside what it has beside its text, if anything
   */
  static spelled(from: string, spelled: string, beside?: Beside): RecordedReply {
    const reply = new RecordedReply(from, new Spelled(spelled));
    return beside === undefined ? reply : withFields(reply, beside);
  }

  get value(): string {
    return this.content.text;
  }
}

/** What a reply may have beside its text and its calls. */
type Beside = Pick<Turn, 'reasoning' | 'timings'>;

function withFields(reply: RecordedReply, { reasoning, timings }: Beside): RecordedReply {
  if (reasoning !== undefined) Object.assign(reply, { reasoning });
  return timings === undefined ? reply : Object.assign(reply, { timings });
}

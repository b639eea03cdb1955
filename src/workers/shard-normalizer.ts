import { parseTurn } from '../core/conversation.js';
import { SLOW_TEXTS_MAX } from '../core/limits.js';
import { parsePythonJson } from '../core/python-json.js';
import { normalizerOf, type Rule } from '../core/rules.js';
import { LENGTH_MASK, NOT_ASSISTANT_FLAG } from '../index/table.js';
import {
  type Kernel,
  NO_CONVERSATION,
  RECORD,
  RECORD_NUMBERS,
  TURN,
  TURN_NUMBERS,
} from '../kernel/kernel.js';
import { bounded, TooSlow } from './bounded.js';
import { ruleKeyOf } from './rule-key.js';
import type { RecordBatch } from './walk.js';

/** Computes the keys of the texts of turns that have a reply, after rules were applied to them. */
export class ShardNormalizer {
  /** Two halves for each turn, in file order; zeros for a turn that is left out. */
  readonly keys: number[] = [];
  /** The number of texts that the rules make too long, or for which they took too long. */
  leftOut = 0;
  /** How many of them took too long. */
  private slow = 0;
  private readonly kernel: Kernel;
  private readonly normalize: ReturnType<typeof normalizerOf>;

  constructor(kernel: Kernel, rules: readonly Rule[]) {
    this.kernel = kernel;
    this.normalize = normalizerOf(rules);
  }

  /** Adds a batch of a walk. The kernel must be another than that of the walk. */
  add(batch: RecordBatch): void {
    const texts = textsOf(batch);
    const normalized = this.normalizedTogether(texts.map(({ text }) => text));
    for (const [i, { isOther }] of texts.entries()) {
      const text = normalized[i];
      if (text === undefined) this.leftOut++;
      const key = text === undefined ? undefined : ruleKeyOf(this.kernel, text, isOther);
      this.keys.push(key?.low ?? 0, key?.high ?? 0);
    }
  }

  /** All texts in one go, since each limit of the time takes a while; one by one if that takes too long. */
  private normalizedTogether(texts: readonly string[]): readonly (string | undefined)[] {
    try {
      return bounded(() => texts.map(this.normalize));
    } catch (error) {
      if (!(error instanceof TooSlow)) throw error;
      return texts.map((text) => this.normalizedAlone(text));
    }
  }

  private normalizedAlone(text: string): string | undefined {
    if (this.slow >= SLOW_TEXTS_MAX) return undefined;
    try {
      return bounded(() => this.normalize(text));
    } catch (error) {
      if (!(error instanceof TooSlow)) throw error;
      this.slow++;
      return undefined;
    }
  }
}

/** The texts of a batch's turns that have a reply, and whether that isn't an assistant's. */
function textsOf({ turns, records, base, bytes, offset }: RecordBatch): { text: string; isOther: boolean }[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const texts: { text: string; isOther: boolean }[] = [];
  let row = 0;
  for (let at = RECORD.turns; at < records.length; at += RECORD_NUMBERS) {
    const count = records[at] as number;
    if (count === NO_CONVERSATION) continue;
    const end = row + count * TURN_NUMBERS;
    for (; row + TURN_NUMBERS < end; row += TURN_NUMBERS) {
      const start = base + (turns[row + TURN.start] as number) - offset;
      const length = (turns[row + TURN.length] as number) & LENGTH_MASK;
      const turn = parseTurn(parsePythonJson(buffer.toString('utf8', start, start + length)));
      const isOther = ((turns[row + TURN_NUMBERS + TURN.length] as number) & NOT_ASSISTANT_FLAG) !== 0;
      texts.push({ text: turn?.value ?? '', isOther });
    }
    row = end;
  }
  return texts;
}

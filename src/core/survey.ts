/**
 * A byte in the middle of a JSON file doesn't tell whether it stands inside a string. A survey reads a range once under
 * both hypotheses, "it begins outside a string" and "it begins inside one", and keeps for each what is needed to know
 * where records begin as soon as the state at the range's start is known (`shards.ts` composes that from left to right).
 *
 * The two hypotheses are each other's opposite at every byte: where one is inside a string, the other is outside, and
 * a quote swaps them. So each structural byte belongs to exactly one, and one pass over the bytes serves both. And most
 * ranges refute one of them soon: no JSON has a backslash outside a string, or a raw control character inside one.
 *
 *     … y", "value": "a [b] {c" }, { "id": …
 *     outside:        ^ string  ^ text          (closes what it never opened)
 *     inside:  ^ text ^ string  ^ text
 *
 * The technique is that of Pison (Jiang et al., VLDB 2021), there for structural indexes.
 */

import { BYTE } from './bytes.js';

/** What a range holds under one hypothesis. Depths are relative to the range's start. */
export interface Reading {
  /** True if the range's last byte is followed by more of a string. */
  readonly endsInString: boolean;
  /** Nesting at the end. */
  readonly depthChange: number;
  /** The lowest nesting anywhere in the range, 0 at most. */
  readonly lowestDepth: number;
  /** Where the first `{` or `[` stands at the lowest nesting; undefined if there is none. */
  readonly firstAtLowest: number | undefined;
  /** The same, one level above the lowest: needed where the range closes the whole list. */
  readonly firstAboveLowest: number | undefined;
}

/** Both readings of a range; a refuted one is undefined. Both are when the bytes are no JSON at all. */
export interface RangeSurvey {
  readonly outside: Reading | undefined;
  readonly inside: Reading | undefined;
}

/** 1 for the bytes that say nothing about structure: all but quotes, backslashes, brackets and control characters. */
const IS_TEXT = Uint8Array.from({ length: 256 }, (_, byte) => (isStructural(byte) ? 0 : 1));

function isStructural(byte: number): boolean {
  return byte < BYTE.space || '"\\{}[]'.includes(String.fromCharCode(byte));
}

/** Follows the nesting under one hypothesis. */
class Nesting {
  refuted = false;
  private depth = 0;
  private lowestDepth = 0;
  private firstAtLowest: number | undefined;
  private firstAboveLowest: number | undefined;

  open(offset: number): void {
    if (this.depth === this.lowestDepth) this.firstAtLowest ??= offset;
    this.depth++;
  }

  close(): void {
    this.depth--;
    if (this.depth >= this.lowestDepth) return;
    this.lowestDepth = this.depth;
    this.firstAboveLowest = this.firstAtLowest;
    this.firstAtLowest = undefined;
  }

  reading(endsInString: boolean): Reading | undefined {
    if (this.refuted) return undefined;
    const { depth, lowestDepth, firstAtLowest, firstAboveLowest } = this;
    return { endsInString, depthChange: depth, lowestDepth, firstAtLowest, firstAboveLowest };
  }
}

/**
 * The survey of one range. The range must not begin right after a backslash (`cutRanges` sees to that): then the
 * state at its start is one of two, not of three.
 */
export class Survey {
  private readonly begunOutside = new Nesting();
  private readonly begunInside = new Nesting();
  /** The hypothesis that is outside a string at this byte, and the one that is inside. */
  private nowOutside = this.begunOutside;
  private nowInside = this.begunInside;
  private escaped = false;

  /** Takes the next bytes of the range; `offset` is that of the first one. */
  push(bytes: Uint8Array, offset: number): void {
    let i = this.escaped ? 1 : 0;
    this.escaped = false;
    for (; i < bytes.length; i++) {
      if (IS_TEXT[bytes[i] as number] === 1) continue;
      switch (bytes[i]) {
        case BYTE.quote: {
          const inside = this.nowInside;
          this.nowInside = this.nowOutside;
          this.nowOutside = inside;
          break;
        }
        case BYTE.backslash:
          this.nowOutside.refuted = true;
          i++;
          break;
        case BYTE.openBrace:
        case BYTE.openBracket:
          this.nowOutside.open(offset + i);
          break;
        case BYTE.closeBrace:
        case BYTE.closeBracket:
          this.nowOutside.close();
          break;
        default:
          this.nowInside.refuted = true;
      }
    }
    // A backslash at the end escapes what the next bytes begin with.
    this.escaped = i > bytes.length;
  }

  /** What the bytes pushed so far hold. */
  result(): RangeSurvey {
    return {
      outside: this.begunOutside.reading(this.nowInside === this.begunOutside),
      inside: this.begunInside.reading(this.nowInside === this.begunInside),
    };
  }
}

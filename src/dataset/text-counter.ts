import type { Turn } from '../core/conversation.js';
import { KEY_LENGTH_NAMED_MAX, REPORTED_KINDS_MAX } from '../core/limits.js';
import type { TextCounts } from './conversion-report.js';

/** Counts the texts of turns. */
export class TextCounter {
  private readonly roles = new Map<string, number>();
  private characters = 0;
  private longest = 0;

  add(turns: readonly Turn[]): void {
    for (const { from, value } of turns) {
      this.characters += value.length;
      if (value.length > this.longest) this.longest = value.length;
      const known = this.roles.get(from);
      if (known !== undefined) this.roles.set(from, known + 1);
      else if (from.length <= KEY_LENGTH_NAMED_MAX && this.roles.size < REPORTED_KINDS_MAX)
        this.roles.set(from, 1);
    }
  }

  get counts(): TextCounts {
    const { characters, longest } = this;
    return { roles: Object.fromEntries(this.roles), characters, longest };
  }
}

import { recordsOf } from '../../records.js';

/** The reply to each turn of a dataset by the turn's text. Of equal texts the first in file order counts. */
export function replyMapOf(path: string): Map<string, string> {
  const replies = new Map<string, string>();
  for (const { conversations: turns } of recordsOf(path)) {
    for (const [i, { value }] of turns.entries()) {
      const reply = turns[i + 1]?.value;
      if (reply !== undefined && !replies.has(value)) replies.set(value, reply);
    }
  }
  return replies;
}

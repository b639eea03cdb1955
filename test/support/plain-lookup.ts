/** The match ladder as one would first write it down: loops over a parsed dataset, and nothing clever. */

import { parseConversation, type Turn } from '#dist/core/conversation.js';
import type { Query } from '#dist/core/query.js';
import type { Match, SpelledMatch } from '#dist/lookup/lookup.js';

/** A turn with its place, and the texts before it, from the start of its conversation. */
interface Place {
  readonly text: string;
  readonly before: readonly string[];
  readonly match: Match;
}

/** The first turn in file order whose value is exactly equal and that has a reply, as the older API asks for it. */
export function plainFindValue(records: readonly unknown[], value: string): Turn | undefined {
  for (const record of records) {
    const turns = parseConversation(record)?.turns ?? [];
    for (let i = 0; i + 1 < turns.length; i++) if (turns[i]?.value === value) return turns[i + 1];
  }
  return undefined;
}

/** What a lookup has found, without where it stands in an index: that is the same for both engines. */
export function withoutRows<Found extends Pick<Match, 'rows'>>(
  match: Found | undefined,
): Omit<Found, 'rows'> | undefined {
  if (match === undefined) return undefined;
  const { rows: _rows, ...plain } = match;
  return plain;
}

/** What is found at once, where that match is what there is: a text, as `JSON.stringify` spells it, a character a byte. */
export function plainFindNow(match: Match | undefined): SpelledMatch | undefined {
  if (match === undefined || match.reply.calls !== undefined) return undefined;
  const { reply, ...plain } = match;
  return { ...plain, spelled: Buffer.from(JSON.stringify(reply.value)).toString('latin1') };
}

/** The match for the messages of a chat. */
export function plainFind(records: readonly unknown[], { histories }: Query): Match | undefined {
  const places = records.flatMap((record, ordinal) => placesOf(record, ordinal, false));
  for (const history of histories) {
    const exact = places.find(({ text, before }) => same([...before, text], history));
    if (exact !== undefined) return { ...exact.match, rung: 'context' };
  }
  const longest = Math.max(...histories.map((history) => history.length - 1));
  for (let run = longest; run >= 2; run--) {
    const found = places.find(({ text, before }) =>
      histories.some(
        (history) => history.length > run && same([...before.slice(-run), text], history.slice(-run - 1)),
      ),
    );
    if (found !== undefined) return { ...found.match, rung: 'context' };
  }
  for (const history of histories) {
    const found = places.find(({ text }) => text === history.at(-1));
    if (found !== undefined) return { ...found.match, rung: 'prompt' };
  }
  for (const history of histories) {
    const found = records
      .flatMap((record, ordinal) => placesOf(record, ordinal, true))
      .find(({ text }) => folded(text) !== '' && folded(text) === folded(history.at(-1) ?? ''));
    if (found !== undefined) return { ...found.match, rung: 'normalized' };
  }
  return undefined;
}

function folded(text: string): string {
  return text
    .split(/\s/)
    .filter((word) => word !== '')
    .join(' ');
}

/** @param withEmpty true if turns without a text count, too */
function placesOf(record: unknown, ordinal: number, withEmpty: boolean): Place[] {
  const conversation = parseConversation(record);
  const before: string[] = [];
  return (conversation?.turns ?? []).flatMap(({ value: text }, i, turns) => {
    if (text === '' && !withEmpty) return [];
    const reply = turns[i + 1];
    const conversationId = conversation?.id ?? String(ordinal);
    const place = reply && {
      text,
      before: [...before],
      match: { rung: 'prompt' as const, reply, conversationId, replyIndex: i + 1 },
    };
    before.push(text);
    return place ? [place] : [];
  });
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i]);
}

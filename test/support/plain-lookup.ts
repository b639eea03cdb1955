/** The match ladder in its simplest form: loops over a parsed dataset. */

import { parseConversation, type Turn } from '#dist/core/conversation.js';
import type { Query } from '#dist/core/query.js';
import { spell } from '#dist/core/spelled-text.js';
import type { Match } from '#dist/lookup/lookup.js';

/** A match without its index data, with its reply as parsed. */
export type PlainMatch = Omit<Match, 'reply' | 'tokens'> & { readonly reply: Turn };

/** A turn with its place, and the turns before it, from the start of its conversation. */
interface Place {
  readonly turn: Turn;
  readonly before: readonly Turn[];
  readonly match: PlainMatch;
}

/** The first turn in file order whose value is exactly equal and that has a reply, as in the legacy API. */
export function plainFindValue(records: readonly unknown[], value: string): Turn | undefined {
  for (const record of records) {
    const turns = parseConversation(record)?.turns ?? [];
    for (let i = 0; i + 1 < turns.length; i++) if (turns[i]?.value === value) return turns[i + 1];
  }
  return undefined;
}

/** The result of a lookup, without the place of its token count: the same for both engines. */
export function plainMatch(match: Match | undefined): PlainMatch | undefined {
  if (match === undefined) return undefined;
  const { tokens: _, reply, ...rest } = match;
  return { ...rest, reply: plainReply(reply) };
}

/** A reply as parsed. Its bytes must decode to its text. */
function plainReply({ from, value, calls, reasoning, content }: Match['reply']): Turn {
  const spelled = spell(value);
  if (content.spelled !== spelled) throw new Error(`expected ${spelled}, got ${content.spelled}`);
  return {
    from,
    value,
    ...(calls !== undefined && { calls }),
    ...(reasoning !== undefined && { reasoning }),
  };
}

/** The match for the messages of a chat: one that an assistant replies to, if there is one. */
export function plainFind(records: readonly unknown[], query: Query): PlainMatch | undefined {
  const places = records.flatMap((record, ordinal) => placesOf(record, ordinal));
  const isAnswered = ({ match }: Place) => isAssistants(match.reply);
  return (
    plainFindAmong(places.filter(isAnswered), query) ??
    plainFindAmong(
      places.filter((place) => !isAnswered(place)),
      query,
    )
  );
}

/** The match over several datasets: an assistant's reply first, then the better rung, then the earlier dataset. */
export function plainFindInLayers(
  layers: readonly (readonly unknown[])[],
  query: Query,
): PlainMatch | undefined {
  const found = layers.flatMap((records) => plainFind(records, query) ?? []);
  for (const isWanted of [isAssistants, (turn: Turn) => !isAssistants(turn)])
    for (const rung of ['context', 'prompt', 'normalized']) {
      const match = found.find((each) => each.rung === rung && isWanted(each.reply));
      if (match !== undefined) return match;
    }
  return undefined;
}

function isAssistants({ from }: Turn): boolean {
  return !OTHERS.includes(from.replace(/^ +| +$/g, '').toLowerCase());
}

/** True if a turn's text is a message's; an assistant's turn, if both are the same without thinking. */
function agrees(turn: Turn, text: string, reduce = (each: string) => each): boolean {
  const answer = isAssistants(turn) ? answerOf : (each: string) => each;
  return reduce(answer(turn.value)) === reduce(answer(text));
}

function answerOf(text: string): string {
  const [thinking = '', ...rest] = text.split('</think>');
  const answer = rest.join('</think>').trimStart();
  return thinking.trimStart().startsWith('<think>') && answer !== '' ? answer : text;
}

const OTHERS = [
  ...['user', 'human', 'input', 'prompter', 'humanmessage', 'humanmessagechunk'],
  ...['system', 'developer', 'systemmessage'],
  ...['tool', 'function', 'observation', 'ipython', 'toolmessage', 'functionmessage', 'tool_response'],
];

function plainFindAmong(all: readonly Place[], { histories }: Query): PlainMatch | undefined {
  const places = all.filter(({ turn }) => turn.value !== '');
  for (const history of histories) {
    const exact = places.find(({ turn, before }) => same([...before, turn], history));
    if (exact !== undefined) return { ...exact.match, rung: 'context' };
  }
  const longest = Math.max(...histories.map((history) => history.length - 1));
  for (let run = longest; run >= 2; run--) {
    const found = places.find(({ turn, before }) =>
      histories.some(
        (history) => history.length > run && same([...before.slice(-run), turn], history.slice(-run - 1)),
      ),
    );
    if (found !== undefined) return { ...found.match, rung: 'context' };
  }
  for (const history of histories) {
    const found = places.find(({ turn }) => agrees(turn, history.at(-1) ?? ''));
    if (found !== undefined) return { ...found.match, rung: 'prompt' };
  }
  for (const history of histories) {
    const found = places.find(
      ({ turn }) => normalized(turn.value) !== '' && agrees(turn, history.at(-1) ?? '', normalized),
    );
    if (found !== undefined) return { ...found.match, rung: 'normalized' };
  }
  return undefined;
}

function normalized(text: string): string {
  return text
    .split(/\s/)
    .filter((word) => word !== '')
    .join(' ');
}

/** The turns that have a reply. Turns without a text don't count among those before. */
function placesOf(record: unknown, ordinal: number): Place[] {
  const conversation = parseConversation(record);
  const before: Turn[] = [];
  return (conversation?.turns ?? []).flatMap((turn, i, turns) => {
    const reply = turns[i + 1];
    const conversationId = conversation?.id ?? String(ordinal);
    const place = reply && {
      turn,
      before: [...before],
      match: { rung: 'prompt' as const, reply, conversationId, replyIndex: i + 1 },
    };
    if (turn.value !== '') before.push(turn);
    return place ? [place] : [];
  });
}

function same(turns: readonly Turn[], history: readonly string[]): boolean {
  return turns.length === history.length && turns.every((turn, i) => agrees(turn, history[i] ?? ''));
}

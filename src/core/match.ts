/**
 * The match ladder, applied to one conversation at a time. Texts decide, roles don't: load generators send recorded
 * `gpt` turns as the user's prompt. A turn without a reply never answers.
 */

import type { Conversation, Turn } from './conversation.js';
import type { Query } from './query.js';

/** The step of the ladder that found a match. */
export type Rung = 'context' | 'prompt';

/** A turn that would answer a query, and how well. */
export interface Candidate {
  /** Orders candidates: the higher grade answers; of equal ones, the first in file order. */
  readonly grade: number;
  readonly rung: Rung;
  /** Place of the reply among the conversation's turns, from 0. */
  readonly replyIndex: number;
  readonly reply: Turn;
}

/** How many messages before the prompt must agree to make a context that doesn't reach back to the start. */
const RUN_MIN = 2;

/** Above every run of agreeing messages: those are no longer than a request. */
const EXACT_GRADE = Number.MAX_SAFE_INTEGER;

/** The grade above which there is none: who has found it may stop looking. */
export function bestGrade(query: Query): number {
  return query.contextual ? EXACT_GRADE : promptGrade(query, 0);
}

/**
 * The best candidate of a conversation; of equal ones, the first.
 *
 * From the top: a conversation that is the query's history exactly, from its start (first in its preferred spelling);
 * the prompt after the longest run of the messages before it, two at least; the prompt alone.
 */
export function matchConversation(query: Query, conversation: Conversation): Candidate | undefined {
  // Empty turns are passed over, as empty messages are: a client could not send them back.
  const spoken = conversation.turns
    .map((turn, index) => ({ text: turn.value, index }))
    .filter(({ text }) => !query.contextual || text !== '');
  let best: Candidate | undefined;
  query.histories.forEach((history, spelling) => {
    const prompt = history.at(-1);
    spoken.forEach(({ text, index }, place) => {
      const reply = conversation.turns[index + 1];
      if (text !== prompt || reply === undefined) return;
      const run = query.contextual ? runBefore(place, history, spoken) : 0;
      const exact = query.contextual && run === place && run === history.length - 1;
      const grade = exact ? EXACT_GRADE - spelling : run >= RUN_MIN ? run + 1 : promptGrade(query, spelling);
      if (best !== undefined && best.grade >= grade) return;
      best = { grade, rung: exact || run >= RUN_MIN ? 'context' : 'prompt', replyIndex: index + 1, reply };
    });
  });
  return best;
}

/** How many turns right before `place` agree with the messages right before the prompt. */
function runBefore(place: number, history: readonly string[], spoken: readonly { text: string }[]): number {
  let run = 0;
  while (run < history.length - 1 && spoken[place - 1 - run]?.text === history[history.length - 2 - run])
    run++;
  return run;
}

/** 1 or 2: below every run, and the preferred spelling above the other. */
function promptGrade(query: Query, spelling: number): number {
  return query.histories.length - spelling;
}

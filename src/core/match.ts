/**
 * The match ladder. Texts decide, roles don't: load generators send recorded `gpt` turns as the user's prompt. A turn
 * without a reply never answers. What can be compared, texts or their keys, is the caller's: the ladder is the same.
 */

import type { Turn } from './conversation.js';
import { normalizeSpace } from './keys.js';
import { HISTORIES_MAX, type Query } from './query.js';

/** The step of the ladder that found a match. */
export type Rung = 'context' | 'prompt' | 'normalized';

/** What of a query the ladder needs to know: how many messages each of its histories has. */
export interface QueryShape {
  readonly contextual: boolean;
  readonly histories: readonly { readonly length: number }[];
}

/** The turns of one conversation, to be compared with the messages of one query. */
export interface ComparedTurns {
  readonly count: number;
  /** True if the turn's text is empty. */
  isEmpty(turn: number): boolean;
  /** True if the turn is that message of that history. */
  isMessage(turn: number, history: number, message: number): boolean;
  /** True if the turn is the prompt of that history but for its white space. */
  isPromptNormalized(turn: number, history: number): boolean;
}

/** A turn that would answer a query, and how well. */
export interface Candidate {
  /** Orders candidates: the higher grade answers; of equal ones, the first in file order. 0 is none. */
  readonly grade: number;
  /** The history that it agrees with. */
  readonly history: number;
  /** The turn that is the prompt. The reply is the next one. */
  readonly turn: number;
  /** The first of the turns that agree with the history. */
  readonly firstTurn: number;
}

/** How many messages before the prompt must agree to make a context that doesn't reach back to the start. */
const RUN_MIN = 2;

// From below: a grade for each history on the rung `normalized`, and on `prompt`, then a run's length counts, and
// above all runs stand the conversations that are a history exactly. Grades fit into 31 bits.
const FOLDED_GRADE = HISTORIES_MAX;
const PROMPT_GRADE = 2 * HISTORIES_MAX;
const EXACT_GRADE = 0x7fff_ffff;

/** The grade of a turn that is the prompt after `run` agreeing turns, which may be all there are before it. */
export function gradeOf(query: QueryShape, history: number, run: number, isFromStart: boolean): number {
  if (query.contextual) {
    if (isFromStart && run === (query.histories[history]?.length ?? 0) - 1) return EXACT_GRADE - history;
    if (run >= RUN_MIN) return PROMPT_GRADE + run - 1;
  }
  return PROMPT_GRADE - history;
}

/** The grade of a turn that is the prompt but for its white space. */
export function normalizedGrade(history: number): number {
  return FOLDED_GRADE - history;
}

/** The grade above which there is none: who has found it may stop looking. */
export function bestGrade(query: QueryShape): number {
  return query.contextual ? EXACT_GRADE : PROMPT_GRADE;
}

/** The rung that a grade stands on. */
export function rungOf(grade: number): Rung {
  return grade > PROMPT_GRADE ? 'context' : grade > FOLDED_GRADE ? 'prompt' : 'normalized';
}

/** How well a turn answers a query by one of its histories; undefined if it doesn't. */
export function matchTurn(
  query: QueryShape,
  turns: ComparedTurns,
  turn: number,
  history: number,
): Candidate | undefined {
  if (turn + 1 >= turns.count) return undefined;
  let message = (query.histories[history]?.length ?? 0) - 1;
  if (!turns.isMessage(turn, history, message)) {
    const isNormalized = query.contextual && turns.isPromptNormalized(turn, history);
    return isNormalized ? { grade: normalizedGrade(history), history, turn, firstTurn: turn } : undefined;
  }
  let run = 0;
  let firstTurn = turn;
  let before = turn;
  if (query.contextual) {
    before = spokenBefore(turns, turn);
    while (before >= 0 && message > 0 && turns.isMessage(before, history, message - 1)) {
      run++;
      message--;
      firstTurn = before;
      before = spokenBefore(turns, before);
    }
  }
  return { grade: gradeOf(query, history, run, before < 0), history, turn, firstTurn };
}

/** The best candidate of a conversation; of equal ones, the first. */
export function matchConversation(query: QueryShape, turns: ComparedTurns): Candidate | undefined {
  let best: Candidate | undefined;
  for (let turn = 0; turn + 1 < turns.count; turn++) {
    for (let history = 0; history < query.histories.length; history++) {
      const candidate = matchTurn(query, turns, turn, history);
      if (candidate !== undefined && candidate.grade > (best?.grade ?? 0)) best = candidate;
    }
  }
  return best;
}

/** Compares texts. */
export function compareTexts({ histories }: Query, turns: readonly Turn[]): ComparedTurns {
  const normalized = new Map<number, string>();
  const normalizedPrompt = (history: number): string => {
    const text = normalized.get(history) ?? normalizeSpace(histories[history]?.at(-1) ?? '');
    normalized.set(history, text);
    return text;
  };
  return {
    count: turns.length,
    isEmpty: (turn) => turns[turn]?.value === '',
    isMessage: (turn, history, message) => turns[turn]?.value === histories[history]?.[message],
    // Of a prompt that is white space alone, nothing is left to compare.
    isPromptNormalized: (turn, history) =>
      normalizedPrompt(history) !== '' &&
      normalizeSpace(turns[turn]?.value ?? '') === normalizedPrompt(history),
  };
}

/** The last turn before that one whose text is not empty; -1 if there is none. Clients can't send empty turns back. */
function spokenBefore(turns: ComparedTurns, turn: number): number {
  let before = turn - 1;
  while (before >= 0 && turns.isEmpty(before)) before--;
  return before;
}

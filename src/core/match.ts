/**
 * The match ladder. It compares texts and ignores the roles of what it compares: load generators send recorded `gpt` turns as the user's
 * prompt. A turn without a reply never matches. A turn whose reply is an assistant's beats every turn whose reply isn't. The caller decides
 * whether texts or their keys are compared; the ladder is the same.
 */

import type { Turn } from './conversation.js';
import { normalizeSpace } from './keys.js';
import { HISTORIES_MAX, type Query } from './query.js';
import { isAssistant } from './roles.js';
import { withoutThinking } from './thinking.js';

/** The rung of the ladder that found a match. */
export type Rung = 'context' | 'prompt' | 'normalized';

/** The part of a query that the ladder needs: the number of messages in each history. */
export interface QueryShape {
  readonly contextual: boolean;
  readonly histories: readonly { readonly length: number }[];
}

/** Compares the turns of one conversation with the messages of one query. */
export interface ComparedTurns {
  readonly count: number;
  /** True if the turn's text is empty. */
  isEmpty(turn: number): boolean;
  /** True if the turn is an assistant's. */
  isAssistant(turn: number): boolean;
  /** True if the turn's text agrees with that message of that history. */
  isMessage(turn: number, history: number, message: number): boolean;
  /** True if the turn's text agrees with the prompt of that history, white space normalized. */
  isPromptNormalized(turn: number, history: number): boolean;
}

/** A turn that matches a query, and how well. */
export interface Candidate {
  /** Orders candidates: the highest grade wins; among equal ones, the first in file order. 0 means no match. */
  readonly grade: number;
  /** The history that the turn matches. */
  readonly history: number;
  /** The turn that equals the prompt. The reply is the next turn. */
  readonly turn: number;
  /** The first of the turns that match the history. */
  readonly firstTurn: number;
}

/** How many messages before the prompt must match to count as context, if they don't reach back to the start. */
const RUN_MIN = 2;

// From low to high: one grade per history on the rung `normalized`, one per history on `prompt`, then the length of the run, and at the top
// the conversations that equal a history exactly. Turns whose reply is an assistant's have the same grades above all those. Grades fit into
// 31 bits.
const NORMALIZED_GRADE = HISTORIES_MAX;
const PROMPT_GRADE = 2 * HISTORIES_MAX;
const EXACT_GRADE = 0x3fff_ffff;
const ASSISTANT_GRADE = 0x4000_0000;

/** The grade of a turn whose reply is an assistant's, from its grade on the ladder. */
export function assistantGrade(grade: number): number {
  return grade + ASSISTANT_GRADE;
}

/**
 * The grade of a turn that equals the prompt and follows `run` matching turns.
 *
 * @param isFromStart true if the conversation has no turns before those
 */
export function gradeOf(query: QueryShape, history: number, run: number, isFromStart: boolean): number {
  if (query.contextual) {
    if (isFromStart && run === (query.histories[history]?.length ?? 0) - 1) return EXACT_GRADE - history;
    if (run >= RUN_MIN) return PROMPT_GRADE + run - 1;
  }
  return PROMPT_GRADE - history;
}

/** The grade of a turn that equals the prompt except for white space. */
export function normalizedGrade(history: number): number {
  return NORMALIZED_GRADE - history;
}

/** The highest grade that a query can get. A search that has found it can stop. */
export function bestGrade(query: QueryShape): number {
  return assistantGrade(query.contextual ? EXACT_GRADE : PROMPT_GRADE);
}

/** The rung of a grade. */
export function rungOf(grade: number): Rung {
  const onLadder = grade > ASSISTANT_GRADE ? grade - ASSISTANT_GRADE : grade;
  return onLadder > PROMPT_GRADE ? 'context' : onLadder > NORMALIZED_GRADE ? 'prompt' : 'normalized';
}

/** Grades a turn against one history of a query; undefined if it doesn't match. */
export function matchTurn(
  query: QueryShape,
  turns: ComparedTurns,
  turn: number,
  history: number,
): Candidate | undefined {
  if (turn + 1 >= turns.count) return undefined;
  const found = climb(query, turns, turn, history);
  // The legacy API takes any reply.
  const isPreferred = !query.contextual || turns.isAssistant(turn + 1);
  return found && isPreferred ? { ...found, grade: assistantGrade(found.grade) } : found;
}

/** Grades a turn that has a reply by the ladder alone. */
function climb(
  query: QueryShape,
  turns: ComparedTurns,
  turn: number,
  history: number,
): Candidate | undefined {
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

/** The best candidate of a conversation; among equal ones, the first. */
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

/** A comparison by text. An assistant's turn is compared without thinking, except for the legacy API. */
export function compareTexts({ contextual, histories }: Query, turns: readonly Turn[]): ComparedTurns {
  const ignoresThinking = (turn: number) => contextual && isAssistant(turns[turn]?.from ?? '');
  const textOf = (turn: number) => turns[turn]?.value ?? '';
  const answerOf = once((turn) => withoutThinking(textOf(turn)));
  const answersOf = once((history) => (histories[history] ?? []).map(withoutThinking));
  const normalized = once((history) => normalizeSpace(histories[history]?.at(-1) ?? ''));
  const normalizedAnswer = once((history) => normalizeSpace(answersOf(history).at(-1) ?? ''));
  return {
    count: turns.length,
    isEmpty: (turn) => turns[turn]?.value === '',
    isAssistant: (turn) => isAssistant(turns[turn]?.from ?? ''),
    isMessage: (turn, history, message) =>
      turns[turn]?.value === histories[history]?.[message] ||
      (ignoresThinking(turn) && answerOf(turn) === answersOf(history)[message]),
    // A prompt that is only white space has nothing left to compare.
    isPromptNormalized: (turn, history) =>
      normalized(history) !== '' &&
      (ignoresThinking(turn)
        ? normalizeSpace(answerOf(turn)) === normalizedAnswer(history)
        : normalizeSpace(textOf(turn)) === normalized(history)),
  };
}

/** A function of an index that computes each result when it is first needed, and keeps it. */
function once<T>(compute: (index: number) => T): (index: number) => T {
  const results = new Map<number, T>();
  return (index) => {
    if (!results.has(index)) results.set(index, compute(index));
    return results.get(index) as T;
  };
}

/** The last turn before this one whose text isn't empty, or -1. Clients can't send empty turns back. */
function spokenBefore(turns: ComparedTurns, turn: number): number {
  let before = turn - 1;
  while (before >= 0 && turns.isEmpty(before)) before--;
  return before;
}

import { createHash } from 'node:crypto';
import { type FunctionCall, textOfCalls } from '../core/calls.js';
import { isCallText } from '../core/conversation.js';
import { historiesOf, type Message } from '../core/query.js';
import type { TokenizerName } from '../core/tokens.js';
import type { Match, MatchRows } from '../lookup/lookup.js';
import type { CountedText } from '../lookup/token-counter.js';
import { piecesOf } from '../openai/pieces.js';
import type { Piece, Reply } from '../openai/reply.js';
import { cutAtStop, type Stops } from '../openai/stops.js';
import type { Services } from './services.js';

/** How much less than a reply's tokens a limit must be to cut it, where the setting is `tolerant`. */
const TOLERANCE = 0.1;

/** Characters of a call's id behind its prefix, as many as OpenAI's have. */
const CALL_ID_LENGTH = 24;

/** What of a request says how much of a reply is given, and how. */
export interface Asked {
  readonly stops: Stops;
  readonly maxTokens: number | undefined;
  /** False if recorded function calls are to be given as texts. */
  readonly allowsCalls: boolean;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly continuousUsage: boolean;
}

/** A reply, and how many tokens the prompt has. */
export interface Answer {
  readonly reply: Reply;
  readonly promptTokens: number;
}

/**
 * The reply of a match, or the fallback where there is none, cut as it was asked for. Function calls are never cut.
 *
 * @param prompt the texts that the prompt consists of
 * @returns undefined if there is neither
 * @throws AppError if the tokens can't be counted
 */
export async function answerOf(
  services: Services,
  match: Match | undefined,
  prompt: readonly CountedText[],
  asked: Asked,
): Promise<Answer | undefined> {
  const { tokens, maxTokens, fallback } = services;
  const recorded = match === undefined ? fallback : match.reply.value;
  if (recorded === undefined) return undefined;
  const calls = match?.reply.calls;
  if (match !== undefined && calls !== undefined && asked.allowsCalls) {
    return answerOfCalls(services, match, calls, prompt, asked);
  }

  const text = recorded === '' && calls !== undefined ? textOfCalls(calls) : recorded;
  const whole = cutAtStop(text, asked.stops);
  const turn = whole === match?.reply.value ? replyTurn(match) : undefined;
  const counts = await tokens.count([...prompt, { text: whole, turn }]);
  const all = counts.at(-1) ?? 0;
  const isCut = isCutAt(asked.maxTokens, all, maxTokens);
  const given = isCut ? await tokens.cut(whole, asked.maxTokens) : whole;
  const reply: Reply = {
    text: given,
    tokens: isCut ? asked.maxTokens : all,
    finishReason: isCut ? 'length' : 'stop',
    pieces: await piecesToSend(services, given, asked),
    calls: [],
  };
  return { reply, promptTokens: sum(counts.slice(0, -1)) };
}

/** True if a limit cuts a reply of so many tokens. */
export function isCutAt(
  limit: number | undefined,
  tokens: number,
  how: Services['maxTokens'],
): limit is number {
  return limit !== undefined && limit < { exact: tokens, tolerant: tokens * (1 - TOLERANCE), ignore: 0 }[how];
}

/** A reply that calls functions: with its text, if it has one besides. */
async function answerOfCalls(
  services: Services,
  match: Match,
  calls: readonly FunctionCall[],
  prompt: readonly CountedText[],
  asked: Asked,
): Promise<Answer> {
  const text = isCallText(match.reply) ? '' : match.reply.value;
  const given = calls.map(({ name, arguments: args }) => ({ text: `${name}${args}` }));
  const counts = await services.tokens.count([...prompt, { text }, ...given]);
  const reply: Reply = {
    text,
    tokens: sum(counts.slice(prompt.length)),
    finishReason: 'tool_calls',
    pieces: await piecesToSend(services, text, asked),
    calls: await Promise.all(
      calls.map(async (call, i) => ({
        ...call,
        id: call.id ?? callId(match, i),
        pieces: await piecesToSend(services, call.arguments, asked),
      })),
    ),
  };
  return { reply, promptTokens: sum(counts.slice(0, prompt.length)) };
}

/** The pieces of a text, if it is to be streamed; each with its tokens, if every chunk is to tell the usage. */
async function piecesToSend(
  { tokens, tokenPool }: Services,
  text: string,
  { stream, includeUsage, continuousUsage }: Asked,
): Promise<Iterable<Piece>> {
  if (!stream) return [];
  if (!includeUsage || !continuousUsage) return uncounted(text, tokenPool.tokenizer);
  const texts = [...piecesOf(text, tokenPool.tokenizer)].map((piece) => ({ text: piece }));
  const counts = await tokens.count(texts);
  return texts.map((piece, i) => ({ ...piece, tokens: counts[i] }));
}

/** Pieces that are made when they are sent: to a slow client, all at once would be many times the text. */
export function uncounted(text: string, tokenizer: TokenizerName): Iterable<Piece> {
  return {
    *[Symbol.iterator]() {
      for (const piece of piecesOf(text, tokenizer)) yield { text: piece, tokens: undefined };
    },
  };
}

/** The texts of a chat's messages, of the functions they call, and of the names of who speaks. */
export function textsOf(messages: readonly Message[], match: Found | undefined): CountedText[] {
  const turns = match?.rows && turnsOf(messages, match.rows);
  const texts: CountedText[] = [];
  for (const message of messages) {
    texts.push({ text: message.text, turn: turns?.get(message) });
    for (const call of message.calls ?? []) texts.push({ text: `${call.name}${call.arguments}` });
    if (message.name !== undefined) texts.push({ text: message.name });
  }
  return texts;
}

/** What of a match says which turns it is made of. */
type Found = Pick<Match, 'rows'>;

/** The turns of the index that the messages of a request are, as far as they agree. */
function turnsOf(messages: readonly Message[], rows: MatchRows): Map<Message, CountedText['turn']> {
  const turns = new Map<Message, CountedText['turn']>();
  const { table, prompt, first, history } = rows;
  const said = historiesOf(messages)[history] ?? [];
  let row = prompt;
  for (let i = said.length - 1; i >= 0 && row >= first; i--) {
    turns.set(said[i] as Message, { table, row });
    do row--;
    while (row >= first && !table.isSpoken(row));
  }
  return turns;
}

export function replyTurn(match: Found | undefined): CountedText['turn'] {
  return match?.rows && { table: match.rows.table, row: match.rows.prompt + 1 };
}

/** A name for a call that was recorded without one: always the same. */
function callId({ conversationId, replyIndex }: Match, index: number): string {
  const hash = createHash('sha256').update(`${conversationId}#${replyIndex}#${index}`).digest('hex');
  return `call_${hash.slice(0, CALL_ID_LENGTH)}`;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

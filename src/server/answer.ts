import { EMPTY_FLAG } from '../core/index-table.js';
import { historiesOf, type Message } from '../core/query.js';
import type { Match } from '../lookup/lookup.js';
import type { CountedText } from '../lookup/token-counter.js';
import { piecesOf } from '../openai/pieces.js';
import type { Piece, Reply } from '../openai/reply.js';
import { cutAtStop, type Stops } from '../openai/stops.js';
import type { Services } from './services.js';

/** How much less than a reply's tokens a limit must be to cut it, where the setting is `tolerant`. */
const TOLERANCE = 0.1;

/** What of a request says how much of a reply is given, and how. */
interface Asked {
  readonly stops: Stops;
  readonly maxTokens: number | undefined;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly continuousUsage: boolean;
}

/**
 * The reply of a match, or the fallback where there is none, cut as it was asked for; and how many tokens the prompt has.
 *
 * @param prompt the texts that the prompt consists of
 * @returns undefined if there is neither
 * @throws AppError if the tokens can't be counted
 */
export async function replyTo(
  { tokens, tokenPool, maxTokens, fallback }: Services,
  match: Match | undefined,
  prompt: readonly CountedText[],
  asked: Asked,
): Promise<{ readonly reply: Reply; readonly promptTokens: number } | undefined> {
  const recorded = match?.reply.value ?? fallback;
  if (recorded === undefined) return undefined;
  const whole = cutAtStop(recorded, asked.stops);
  const counts = await tokens.count([
    ...prompt,
    { text: whole, turn: whole === recorded ? replyTurn(match) : undefined },
  ]);
  const all = counts.at(-1) ?? 0;
  const promptTokens = counts.slice(0, -1).reduce((sum, count) => sum + count, 0);

  const limit = asked.maxTokens ?? all;
  const isCut = limit < { exact: all, tolerant: all * (1 - TOLERANCE), ignore: 0 }[maxTokens];
  const text = isCut ? await tokens.cut(whole, limit) : whole;
  const pieces = asked.stream ? await piecesToSend(text) : [];
  const reply: Reply = { text, tokens: isCut ? limit : all, finishReason: isCut ? 'length' : 'stop', pieces };
  return { reply, promptTokens };

  async function piecesToSend(content: string): Promise<readonly Piece[]> {
    const texts = piecesOf(content, tokenPool.tokenizer).map((piece) => ({ text: piece, tokens: undefined }));
    if (!asked.includeUsage || !asked.continuousUsage) return texts;
    const each = await tokens.count(texts);
    return texts.map((piece, i) => ({ ...piece, tokens: each[i] }));
  }
}

/** The texts of a chat's messages, and of the names of who speaks. */
export function textsOf(messages: readonly Message[], match: Match | undefined): readonly CountedText[] {
  const turns = turnsOf(messages, match);
  return messages.flatMap((message) => [
    { text: message.text, turn: turns.get(message) },
    ...(message.name === undefined ? [] : [{ text: message.name }]),
  ]);
}

/** The turns of the index that the messages of a request are, as far as they agree. */
function turnsOf(messages: readonly Message[], match: Match | undefined): Map<Message, CountedText['turn']> {
  const turns = new Map<Message, CountedText['turn']>();
  if (match?.rows === undefined) return turns;
  const { table, prompt, first, history } = match.rows;
  let row = prompt;
  for (const message of (historiesOf(messages)[history] ?? []).toReversed()) {
    if (row < first) break;
    turns.set(message, { table, row });
    do row--;
    while (row >= first && (table.lengths[row] as number) >= EMPTY_FLAG);
  }
  return turns;
}

function replyTurn(match: Match | undefined): CountedText['turn'] {
  return match?.rows && { table: match.rows.table, row: match.rows.prompt + 1 };
}

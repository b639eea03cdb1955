/** Shapes with a better and a worse reply. */

import type { Conversation, Turn } from '../../core/conversation.js';
import {
  conversationsOf,
  historyTurns,
  isSaid,
  promptTurns,
  replyTurns,
  withSystem,
} from './conversations.js';
import { listedTurns } from './lists.js';
import { requestTurns } from './logs.js';
import { fieldOf, fieldsOf, isObject, type JsonRecord, parsedJson, plainText } from './record.js';
import type { Shape, ShapeOptions } from './shape.js';
import { turnsOfPromptText, turnsOfText } from './templates.js';
import { parsedMessages, turnsOfList } from './turns.js';

/** The keys of the better reply and of the worse one. */
const PREFERENCES = [
  ['chosen', 'rejected'],
  ['chosen_response', 'rejected_response'],
  ['response_chosen', 'response_rejected'],
  ['preferred', 'dispreferred'],
  // OpenAI's format for fine-tuning; `input` has the messages.
  ['preferred_output', 'non_preferred_output'],
] as const;

const PROMPT_KEYS = ['prompt', 'question', 'instruction', 'query', 'input'];

const preference: Shape = {
  name: 'preference',
  example: '{"prompt": "What is moss?", "chosen": "A small plant.", "rejected": "A stone."}',
  mapping: 'the conversation or `prompt` → `chosen`, or `rejected` if that is preferred',
  keys: PREFERENCES.flat(),
  conversations: (record, { prefers }) => {
    for (const [chosen, rejected] of PREFERENCES) {
      const field = fieldOf(record, [prefers === 'chosen' ? chosen : rejected]);
      const lists = field === undefined ? [] : preferredTurns(record, field);
      const conversations = conversationsOf(
        record,
        lists.map((turns) => withSystem(record, turns)),
      );
      if (conversations.length > 0) return conversations;
    }
    return [];
  },
};

/** The turns of a reply that may come with its whole conversation: as a text that a template made, or as a list. */
function preferredTurns(record: JsonRecord, field: unknown): readonly (readonly Turn[])[] {
  const value = parsedMessages(field);
  const text = plainText(value);
  const whole = text === undefined ? [] : turnsOfText(text);
  if (whole.length > 0) return [whole];
  const reply = replyTurns(value);
  if (!isSaid(reply)) return [];
  if (reply.some(({ from }) => from === 'user')) return [reply];
  return promptsOf(record).map((prompt) => [...historyTurns(record), ...prompt, ...reply]);
}

/** The turns before a reply: of the record's prompt, as it is and taken apart, or of its list, without the reply that it has. */
function promptsOf(record: JsonRecord): readonly (readonly Turn[])[] {
  const prompt = parsedMessages(fieldOf(record, PROMPT_KEYS));
  const text = plainText(prompt);
  const input = plainText(fieldsOf(record).input);
  const isWithInput = text !== undefined && input !== undefined && input !== text;
  const prompts = [
    isWithInput ? promptTurns(`${text}\n${input}`) : [],
    requestTurns(prompt),
    text === undefined ? [] : turnsOfPromptText(text),
  ].filter(isSaid);
  if (prompts.length > 0) return prompts;
  const listed = listedTurns(record);
  const asked = listed.slice(0, listed.findLastIndex(({ from }) => from === 'user') + 1);
  return [asked].filter(isSaid);
}

/** The keys of two conversations, or of two replies to `prompt`, of which `winner` is the better one. */
const DUELS = [
  ['conversation_a', 'conversation_b'],
  ['response_a', 'response_b'],
  ['response_0', 'response_1'],
] as const;

const arena: Shape = {
  name: 'arena',
  example:
    '{"winner": "model_b", "conversation_a": [{"role": "user", "content": "What is moss?"}, {"role": "assistant", "content": "A stone."}], "conversation_b": [{"role": "user", "content": "What is moss?"}, {"role": "assistant", "content": "A small plant."}]}',
  mapping: 'two conversations, the winner first',
  keys: DUELS.flat(),
  conversations: (record, options) => {
    if (!isObject(record)) return [];
    for (const [a, b] of DUELS) {
      const [one, other] = [duellist(record, record[a]), duellist(record, record[b])];
      if (one.length === 0 || other.length === 0) continue;
      return isSecondFirst(record, options) ? [...other, ...one] : [...one, ...other];
    }
    return [];
  },
};

function duellist(record: JsonRecord, field: unknown): readonly Conversation[] {
  const said = parsedJson(field);
  const isList = Array.isArray(said) && isObject(said[0]);
  if (isList) return conversationsOf(record, [withSystem(record, turnsOfList(said))]);
  const prompt = textsIn(fieldOf(record, ['prompt']));
  const replies = textsIn(field);
  if (plainText(prompt[0]) === undefined || plainText(replies[0]) === undefined) return [];
  const turns = turnsOfList(prompt.map((each, i) => [each, replies[i]]));
  return conversationsOf(record, [withSystem(record, turns)]);
}

/** The texts of a list, which may be JSON in a string, or the one text. */
function textsIn(field: unknown): readonly unknown[] {
  const list = parsedJson(field);
  return Array.isArray(list) && typeof list[0] === 'string' ? list : [field];
}

function isSecondFirst(record: JsonRecord, { prefers }: ShapeOptions): boolean {
  const { winner, winner_model_b, better_response_id } = fieldsOf(record);
  // A table's cells are texts.
  const isOne = (value: unknown) => value === 1 || value === '1';
  const hasWon = winner === 'model_b' || winner === 'b' || isOne(winner_model_b) || isOne(better_response_id);
  return hasWon === (prefers === 'chosen');
}

/** Preferences, and comparisons of two models. */
export const PREFERENCE_SHAPES: readonly Shape[] = [preference, arena];

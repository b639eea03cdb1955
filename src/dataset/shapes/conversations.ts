/** What all shapes make conversations with. */

import type { Conversation, Turn } from '../../core/conversation.js';
import { textOfContent } from './content.js';
import { FieldNames, fieldOf, fieldsOf, idOf, isObject, type JsonRecord, plainText } from './record.js';
import { turnsOfList, turnsOfMessage } from './turns.js';

const SYSTEM = new FieldNames([
  ...['system', 'system_prompt', 'systemPrompt', 'system_message', 'systemInstruction', 'system_instruction'],
  ...['instructions', 'preamble'],
]);

/** The record's own system message; empty if it has none. */
function systemTurns(record: unknown): readonly Turn[] {
  const field = SYSTEM.in(record);
  const value = textOfContent(typeof field === 'object' ? field : plainText(field));
  return value === '' ? [] : [{ from: 'system', value }];
}

/** The turns, after the record's own system message, unless they begin with the same. */
export function withSystem(record: unknown, turns: readonly Turn[]): readonly Turn[] {
  const [system] = systemTurns(record);
  const [first] = turns;
  if (system === undefined || (first?.from === 'system' && first.value === system.value)) return turns;
  return [system, ...turns];
}

/**
 * The record's conversations, one for each list of turns, with its id. Lists in which nothing is said are left out.
 *
 * @param leftOut how many elements of the record's list aren't turns
 */
export function conversationsOf(
  record: JsonRecord,
  lists: readonly (readonly Turn[])[],
  leftOut = 0,
): readonly Conversation[] {
  const id = idOf(record);
  return lists.filter(isSaid).map((turns) => (leftOut === 0 ? { id, turns } : { id, turns, leftOut }));
}

/** True if one of the turns has a text or a call. */
export function isSaid(turns: readonly Turn[]): boolean {
  return turns.some(({ value, calls }) => value !== '' || calls !== undefined);
}

/** The turns of a prompt: a text, a message, or a list of messages. */
export function promptTurns(value: unknown): readonly Turn[] {
  return saidBy('user', value);
}

/** The turns of a reply: a text, a message, or a list of messages. */
export function replyTurns(value: unknown): readonly Turn[] {
  return saidBy('assistant', value);
}

function saidBy(from: string, value: unknown): readonly Turn[] {
  const text = plainText(value);
  const [first] = Array.isArray(value) ? value : [];
  if (isObject(first)) return turnsOfList(value);
  if (isObject(value)) return messageTurns(from, value);
  // Some datasets list several replies; the first is the best.
  const said = text ?? (Array.isArray(value) ? plainText(first) : undefined);
  return said === undefined ? [] : [{ from, value: said }];
}

/** The turns of a message that may lack its role. */
function messageTurns(from: string, value: unknown): readonly Turn[] {
  const turns = turnsOfMessage(value);
  if (turns.length > 0) return turns;
  const said = turnsOfMessage({ ...fieldsOf(value), role: from });
  return isSaid(said) ? said : [];
}

/** The turns of `history`: pairs or messages before the prompt. */
export function historyTurns(record: unknown): readonly Turn[] {
  return turnsOfList(fieldOf(record, ['history']));
}

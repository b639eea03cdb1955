/** Shapes that are a list of turns. */

import type { Turn } from '../../core/conversation.js';
import { conversationsOf, isSaid, replyTurns, withSystem } from './conversations.js';
import { fieldOf, fieldsOf, type JsonObject, type JsonRecord } from './record.js';
import type { Shape } from './shape.js';
import { type ElementKind, elementKind, listOf, turnsOfList } from './turns.js';

/** The names of a list of turns, in the order in which they are tried. The first four are the kernel's. */
export const LIST_KEYS = [
  ...['conversations', 'conversation', 'messages', 'items'],
  ...['dialogue', 'dialog', 'turns', 'chat', 'data', 'utterances', 'chat_history', 'trajectory'],
] as const;

/** The turns of the first list of turns that isn't empty or broken; empty if the record has no such list. */
export function listedTurns(record: JsonRecord): readonly Turn[] {
  const list = Array.isArray(record)
    ? record
    : LIST_KEYS.map((key) => fieldsOf(record)[key]).find(isListOfTurns);
  return turnsOfList(list);
}

function isListOfTurns(value: unknown): boolean {
  return elementKind(value) !== undefined && isSaid(turnsOfList(value));
}

interface ListShape extends Omit<Shape, 'conversations'> {
  readonly kind?: ElementKind;
  /** Distinguishes the shape from others whose lists have the same name. */
  readonly isIts?: (record: JsonObject, first: JsonObject) => boolean;
}

function listShape({ name, example, mapping, keys, kind = 'message', isIts }: ListShape): Shape {
  const isIn = (record: JsonRecord, list: unknown): boolean => {
    const isOther = isIts?.(fieldsOf(record), fieldsOf(listOf(list)?.[0])) === false;
    return !isOther && elementKind(list) === kind;
  };
  return {
    name,
    example,
    mapping,
    keys,
    conversations: (record) => {
      for (const list of keys === undefined ? [record] : keys.map((key) => fieldsOf(record)[key])) {
        if (list === undefined || !isIn(record, list)) continue;
        let leftOut = 0;
        const turns = turnsOfList(list, () => leftOut++);
        if (isSaid(turns)) return conversationsOf(record, [withSystem(record, turns)], leftOut);
      }
      return [];
    },
  };
}

const IN_ORDER = 'the turns in order, `system` in front';

/** Replies beside a list that ends with the user's message. */
const ANSWER_KEYS = [
  ...['reference_answer', 'reference', 'answer', 'answers', 'response', 'output', 'completion', 'ideal'],
  ...['target', 'expected', 'expected_output', 'solution', 'ground_truth'],
];

const answered: Shape = {
  name: 'messages and an answer',
  example:
    '{"messages": [{"role": "user", "content": "What is moss?"}], "reference_answer": "A small plant."}',
  mapping: 'the messages → `reference_answer`, `answer`, `response`, …',
  keys: ['messages', 'conversations'],
  conversations: (record) =>
    answeredConversations(record, ['messages', 'conversations'], fieldOf(record, ANSWER_KEYS)),
};

/** Records of reinforcement learning, which have the whole answer or its result. */
const verified: Shape = {
  name: 'prompt and ground truth',
  example:
    '{"prompt": [{"role": "user", "content": "What is 2 + 2?"}], "reward_model": {"ground_truth": "4"}, "extra_info": {"answer": "2 + 2 = 4"}}',
  mapping: '`prompt` → `extra_info.answer`, else `reward_model.ground_truth`',
  keys: ['prompt'],
  conversations: (record) => {
    const { extra_info, reward_model } = fieldsOf(record);
    const answer = fieldOf(extra_info, ANSWER_KEYS) ?? fieldOf(reward_model, ANSWER_KEYS);
    return answeredConversations(record, ['prompt'], answer);
  },
};

function answeredConversations(record: JsonRecord, keys: readonly string[], answer: unknown) {
  const reply = replyTurns(answer);
  if (!isSaid(reply)) return [];
  const turns = turnsOfList(keys.map((key) => fieldsOf(record)[key]).find(isListOfTurns));
  const isOpen = isSaid(turns) && turns.at(-1)?.from !== 'assistant';
  return isOpen ? conversationsOf(record, [withSystem(record, [...turns, ...reply])]) : [];
}

/** Lists of turns. Forms with a name of their own come before the others. */
export const LIST_SHAPES: readonly Shape[] = [
  answered,
  verified,
  listShape({
    name: 'Bedrock',
    example:
      '{"schemaVersion": "bedrock-conversation-2024", "system": [{"text": "Be brief."}], "messages": [{"role": "user", "content": [{"text": "What is moss?"}]}, {"role": "assistant", "content": [{"text": "A small plant."}]}]}',
    mapping: IN_ORDER,
    keys: ['messages'],
    isIts: ({ schemaVersion }) => schemaVersion !== undefined,
  }),
  listShape({
    name: 'AI SDK messages',
    example:
      '{"messages": [{"role": "user", "parts": [{"type": "text", "text": "What is moss?"}]}, {"role": "assistant", "parts": [{"type": "text", "text": "A small plant."}]}]}',
    mapping: 'the texts and tool calls of `parts`, in order',
    keys: ['messages'],
    isIts: (_record, { parts }) => Array.isArray(parts),
  }),
  listShape({
    name: 'LangChain messages',
    example:
      '{"messages": [{"type": "human", "data": {"content": "What is moss?"}}, {"type": "ai", "data": {"content": "A small plant."}}]}',
    mapping: 'the turns in order',
    keys: ['messages'],
    isIts: (_record, { data, kwargs }) => (data ?? kwargs) !== undefined,
  }),
  listShape({
    name: 'ShareGPT',
    example:
      '{"system": "Be brief.", "conversations": [{"from": "human", "value": "What is moss?"}, {"from": "gpt", "value": "A small plant."}]}',
    mapping: IN_ORDER,
    keys: ['conversations', 'conversation'],
  }),
  listShape({
    name: 'messages',
    example:
      '{"system": "Be brief.", "messages": [{"role": "user", "content": "What is moss?"}, {"role": "assistant", "content": "A small plant."}]}',
    mapping: IN_ORDER,
    keys: ['messages'],
  }),
  listShape({
    name: 'turns',
    example:
      '{"dialogue": [{"speaker": "user", "text": "What is moss?"}, {"speaker": "assistant", "text": "A small plant."}]}',
    mapping: 'the turns in order',
    keys: LIST_KEYS.slice(3),
  }),
  listShape({
    name: 'alternating strings',
    example: '{"data": ["What is moss?", "A small plant."]}',
    mapping: 'user and assistant in turn',
    keys: LIST_KEYS,
    kind: 'string',
  }),
  listShape({
    name: 'pairs of turns',
    example: '{"conversation": [{"human": "What is moss?", "assistant": "A small plant."}]}',
    mapping: '`human` → `assistant`, `input` → `output`, …, in order',
    // Lists of other names hold records.
    keys: LIST_KEYS.filter((key) => key !== 'data' && key !== 'items'),
    kind: 'pair',
  }),
  listShape({
    name: 'list of messages',
    example:
      '[{"role": "user", "content": "What is moss?"}, {"role": "assistant", "content": "A small plant."}]',
    mapping: 'the turns in order',
    keys: undefined,
  }),
];

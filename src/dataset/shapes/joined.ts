/** Shapes whose conversations are spread over several records. */

import { knownRole } from '../../core/roles.js';
import { isSaid } from './conversations.js';
import { oasstNode } from './exports.js';
import { requestTurns, responseReplies } from './logs.js';
import { conversation, groups, has, type Part, partsOf } from './parts.js';
import { fieldOf, fieldsOf, idOf, isObject, jsonOf, plainText } from './record.js';
import { SESSION_SHAPES } from './sessions.js';
import type { JoinedConversation, JoinedShape } from './shape.js';
import { linkedTree, pathsOf } from './trees.js';
import { turnsOfList } from './turns.js';

const oasstRows: JoinedShape = {
  name: 'OASST messages',
  example: [
    '{"message_id": "a", "parent_id": null, "role": "prompter", "text": "What is moss?"}',
    '{"message_id": "b", "parent_id": "a", "role": "assistant", "text": "A small plant."}',
  ].join('\n'),
  mapping: 'joined by `parent_id`: the best `rank` first, other branches are conversations of their own',
  joinsFiles: true,
  recognizes: (record) => has(record, 'message_id', 'parent_id', 'text'),
  *join(records) {
    const rows = new Map<string, number>();
    const nodes = partsOf(records).map(({ row, fields }) => {
      const { message_id, parent_id } = fields;
      if (typeof message_id === 'string' || typeof message_id === 'number') rows.set(String(message_id), row);
      return [message_id, parent_id, oasstNode(fields)] as const;
    });
    for (const { root, turns } of pathsOf(linkedTree(nodes))) {
      if (isSaid(turns)) yield { id: root, turns, row: rows.get(root) ?? 0 };
    }
  },
};

/** The names of the conversation that a message belongs to. */
const THREAD_KEYS = [
  ...['thread_id', 'conversation_id', 'conversationId', 'session_id', 'sessionId', 'chat_id', 'dialog_id'],
  ...['dialogue_id', 'conversation_hash'],
];

const messageRows: JoinedShape = {
  name: 'messages, one a line',
  example: [
    '{"thread_id": "x", "role": "user", "content": "What is moss?"}',
    '{"thread_id": "x", "role": "assistant", "content": "A small plant."}',
  ].join('\n'),
  mapping: 'joined by `thread_id`, `conversation_id`, …; one conversation without it',
  joinsFiles: false,
  recognizes: (record) => {
    const { role, from, content, value, text } = fieldsOf(record);
    return knownRole(role ?? from) !== undefined && (content ?? value ?? text) !== undefined;
  },
  *join(records) {
    for (const [thread, parts] of groups(partsOf(records), threadOf)) {
      const turns = turnsOfList(parts.map(({ fields }) => fields));
      yield* conversation(thread === '' ? undefined : thread, parts, turns);
    }
  },
};

function threadOf({ fields }: Part): string {
  const id = fieldOf(fields, THREAD_KEYS);
  return typeof id === 'string' || typeof id === 'number' ? String(id) : '';
}

const mtBench: JoinedShape = {
  name: 'MT-Bench',
  example: [
    '{"question_id": 81, "category": "writing", "turns": ["What is moss?", "Does it bloom?"]}',
    '{"question_id": 81, "model_id": "m", "choices": [{"index": 0, "turns": ["A small plant.", "Never."]}]}',
  ].join('\n'),
  mapping:
    '`turns` of the question → `choices[].turns` of the answers, joined by `question_id`; without an answer → `reference`',
  joinsFiles: true,
  recognizes: (record) => {
    const { question_id, turns, choices } = fieldsOf(record);
    return question_id !== undefined && (isStrings(turns) || answersOf(choices).length > 0);
  },
  *join(records, skip) {
    const parts = partsOf(records);
    const isQuestion = ({ fields }: Part) => isStrings(fields.turns);
    const questions = partsById(parts.filter(isQuestion), 'question_id', ({ fields }) => fields.turns);
    const answered = new Set<string>();
    for (const { row, fields } of parts) {
      const answers = answersOf(fields.choices);
      if (answers.length === 0) continue;
      const id = idText(fields.question_id);
      const question = questions.get(id);
      if (question === undefined) skip(row, 'an answer without a question');
      else if (question === 'ambiguous') skip(row, TWO_QUESTIONS);
      else for (const texts of answers) yield* answeredBy(question, texts);
      answered.add(id);
    }
    for (const part of parts.filter(isQuestion)) {
      const id = idText(part.fields.question_id);
      const question = questions.get(id);
      const { reference } = part.fields;
      if (question === 'ambiguous') skip(part.row, TWO_QUESTIONS);
      else if (answered.has(id)) continue;
      else if (!isStrings(reference)) skip(part.row, 'a question without an answer');
      else if (question === part) yield* answeredBy(part, reference);
    }
  },
};

const TWO_QUESTIONS = 'an id of two different questions';

/** The conversation of a question and the answers to its turns. */
function* answeredBy(question: Part, answers: readonly unknown[]): Generator<JoinedConversation, void> {
  const { fields } = question;
  const asked = fields.turns as readonly unknown[];
  const turns = turnsOfList(asked.map((each, i) => [each, answers[i]]));
  yield* conversation(idOf(fields), [question], turns);
}

/** An id as text: numbers and strings of the same digits are the same id. */
function idText(id: unknown): string {
  return plainText(id) ?? jsonOf(id);
}

/** The parts by their ids. If several parts with one id have different contents, which of them a reply belongs to isn't known. */
function partsById(
  parts: readonly Part[],
  key: string,
  contentOf: (part: Part) => unknown,
): ReadonlyMap<string, Part | 'ambiguous'> {
  const found = new Map<string, Part | 'ambiguous'>();
  for (const [id, [first, ...others]] of groups(parts, ({ fields }) => idText(fields[key]))) {
    if (first === undefined) continue;
    const content = others.length === 0 ? '' : jsonOf(contentOf(first));
    const areSame = others.every((other) => jsonOf(contentOf(other)) === content);
    found.set(id, areSame ? first : 'ambiguous');
  }
  return found;
}

/** The answers of each choice. */
function answersOf(choices: unknown): readonly (readonly unknown[])[] {
  if (!Array.isArray(choices)) return [];
  return choices.map((choice) => fieldsOf(choice).turns).filter(isStrings);
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string');
}

const batch: JoinedShape = {
  name: 'batch input and output',
  example: [
    '{"custom_id": "x", "body": {"messages": [{"role": "user", "content": "What is moss?"}]}}',
    '{"custom_id": "x", "response": {"body": {"choices": [{"message": {"role": "assistant", "content": "A small plant."}}]}}}',
  ].join('\n'),
  mapping: 'the messages of `body` → the message of `response`, joined by `custom_id`',
  joinsFiles: true,
  recognizes: (record) => {
    const fields = fieldsOf(record);
    const isRequest = isObject(fields.body ?? fields.params);
    return fields.custom_id !== undefined && isRequest !== isObject(fields.response ?? fields.result);
  },
  *join(records, skip) {
    const parts = partsOf(records);
    const isRequest = (part: Part) => isObject(bodyOf(part));
    const requests = partsById(parts.filter(isRequest), 'custom_id', bodyOf);
    const answered = new Set<string>();
    for (const part of parts) {
      if (isRequest(part)) continue;
      const { row, fields } = part;
      const id = idText(fields.custom_id);
      const request = requests.get(id);
      const replies = responseReplies(fields.response ?? fields.result).filter(isSaid);
      if (request === undefined) skip(row, 'a response without a request');
      else if (request === 'ambiguous') skip(row, TWO_REQUESTS);
      else if (replies.length === 0) skip(row, 'a response without a reply');
      else {
        answered.add(id);
        for (const reply of replies)
          yield* conversation(idOf(fields), [request], [...requestTurns(bodyOf(request)), ...reply]);
      }
    }
    for (const { row, fields } of parts.filter(isRequest)) {
      const id = idText(fields.custom_id);
      if (requests.get(id) === 'ambiguous') skip(row, TWO_REQUESTS);
      else if (!answered.has(id)) skip(row, 'a request without a response');
    }
  },
};

const TWO_REQUESTS = 'an id of two different requests';

function bodyOf({ fields }: Part): unknown {
  return fields.body ?? fields.params;
}

/** Joined shapes. The messages of the others could be mistaken for those that are one a line. */
export const JOINED_SHAPES: readonly JoinedShape[] = [
  oasstRows,
  ...SESSION_SHAPES,
  mtBench,
  batch,
  messageRows,
];

/** Shapes of sessions that were logged line by line. */

import { conversation, groups, has, type Part, partsOf } from './parts.js';
import { fieldsOf, isObject, type JsonObject, jsonOf, plainText } from './record.js';
import type { JoinedShape } from './shape.js';
import { turnsOfList } from './turns.js';

const sillyTavern: JoinedShape = {
  name: 'SillyTavern',
  example: [
    '{"user_name": "Kim", "character_name": "Ada", "chat_metadata": {}}',
    '{"name": "Kim", "is_user": true, "mes": "What is moss?"}',
    '{"name": "Ada", "is_user": false, "mes": "A small plant."}',
  ].join('\n'),
  mapping:
    '`mes` in order; hidden messages are left out; a line with `chat_metadata` begins another conversation',
  joinsFiles: false,
  recognizes: (record) => isTavernHead(fieldsOf(record)) || has(record, 'mes', 'is_user'),
  *join(records) {
    for (const parts of sessions(partsOf(records), isTavernHead)) {
      const said = parts.map(({ fields }) => fields).filter(({ is_system }) => is_system !== true);
      yield* conversation(undefined, parts, turnsOfList(said.filter(({ mes }) => mes !== undefined)));
    }
  },
};

function isTavernHead(fields: JsonObject): boolean {
  return has(fields, 'user_name', 'character_name') || has(fields, 'chat_metadata');
}

const claudeCode: JoinedShape = {
  name: 'Claude Code session',
  example: [
    '{"type": "user", "sessionId": "x", "message": {"role": "user", "content": "What is moss?"}}',
    '{"type": "assistant", "sessionId": "x", "message": {"role": "assistant", "content": [{"type": "text", "text": "A small plant."}]}}',
  ].join('\n'),
  mapping: 'the messages of a `sessionId` in order; those of a subagent are a conversation of their own',
  joinsFiles: false,
  recognizes: (record) => {
    const { type, sessionId, summary } = fieldsOf(record);
    if (type === 'summary') return typeof summary === 'string';
    return typeof type === 'string' && (typeof sessionId === 'string' || type === 'file-history-snapshot');
  },
  *join(records) {
    const said = partsOf(records).filter(({ fields }) => isObject(fields.message) && fields.isMeta !== true);
    const agentOf = ({ fields: { agentId, isSidechain } }: Part) =>
      agentId ?? (isSidechain === true ? '+' : '');
    for (const [, parts] of groups(said, (part) => jsonOf([part.fields.sessionId, agentOf(part)]))) {
      const turns = turnsOfList(wholeMessages(parts.map(({ fields }) => fieldsOf(fields.message))));
      yield* conversation(plainText(parts[0]?.fields.sessionId), parts, turns);
    }
  },
};

/** Messages, of which each was logged block by block, put together. */
function wholeMessages(messages: readonly JsonObject[]): readonly JsonObject[] {
  const whole: { readonly id: unknown; readonly role: unknown; readonly content: unknown[] }[] = [];
  for (const { id, role, content } of messages) {
    const blocks = Array.isArray(content) ? content : [content];
    const last = whole.at(-1);
    if (last !== undefined && id !== undefined && last.id === id)
      for (const block of blocks) last.content.push(block);
    else whole.push({ id, role, content: [...blocks] });
  }
  return whole;
}

const CODEX_TYPES: readonly unknown[] = ['message', 'function_call', 'function_call_output', 'reasoning'];
const CODEX_HEAD_KEYS: readonly string[] = ['id', 'timestamp', 'instructions', 'git'];

const codex: JoinedShape = {
  name: 'Codex session',
  example: [
    '{"type": "session_meta", "payload": {"id": "x"}}',
    '{"type": "response_item", "payload": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "What is moss?"}]}}',
    '{"type": "response_item", "payload": {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "A small plant."}]}}',
  ].join('\n'),
  mapping: 'the items of `response_item` in order; `session_meta` begins another conversation',
  joinsFiles: false,
  recognizes: (record) => {
    const { type, payload, role, call_id, summary } = fieldsOf(record);
    if (isObject(payload)) return typeof type === 'string';
    if (CODEX_TYPES.includes(type)) return (role ?? call_id ?? summary) !== undefined;
    return isCodexHead(fieldsOf(record)) || has(record, 'record_type');
  },
  *join(records) {
    for (const parts of sessions(partsOf(records), isCodexHead)) {
      const { id } = fieldsOf(parts[0]?.fields.payload ?? parts[0]?.fields);
      const items = parts.map(({ fields }) => (fields.type === 'response_item' ? fields.payload : fields));
      yield* conversation(plainText(id), parts, turnsOfList(items));
    }
  },
};

function isCodexHead(fields: JsonObject): boolean {
  if (fields.type === 'session_meta') return true;
  return (
    has(fields, 'id', 'timestamp', 'instructions') &&
    Object.keys(fields).every((key) => CODEX_HEAD_KEYS.includes(key))
  );
}

/** Logs of sessions. */
export const SESSION_SHAPES: readonly JoinedShape[] = [sillyTavern, claudeCode, codex];

/** The parts, cut before each that starts another conversation. */
function sessions(
  parts: readonly Part[],
  isStart: (fields: JsonObject) => boolean,
): readonly (readonly Part[])[] {
  const found: Part[][] = [];
  for (const part of parts) {
    const last = found.at(-1);
    if (last === undefined || isStart(part.fields)) found.push([part]);
    else last.push(part);
  }
  return found;
}

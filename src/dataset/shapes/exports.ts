/** Shapes of the chat applications' exports. */

import type { Conversation, Turn } from '../../core/conversation.js';
import { conversationsOf } from './conversations.js';
import { fieldsOf, isObject, type JsonObject, type JsonRecord } from './record.js';
import type { Shape } from './shape.js';
import { linkedTree, nestedTree, pathsOf, type Tree } from './trees.js';
import { turnsOfList, turnsOfMessage } from './turns.js';

const chatGpt: Shape = {
  name: 'ChatGPT export',
  example:
    '{"current_node": "b", "mapping": {"a": {"parent": null, "message": {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["What is moss?"]}}}, "b": {"parent": "a", "message": {"author": {"role": "assistant"}, "content": {"content_type": "text", "parts": ["A small plant."]}}}}}',
  mapping: 'the thread that ends at `current_node`; other branches are conversations of their own',
  keys: ['mapping'],
  conversations: (record) => {
    const { mapping, current_node } = fieldsOf(record);
    if (!isObject(mapping)) return [];
    const nodes = Object.entries(mapping).map(([id, value]) => {
      const { parent, message } = fieldsOf(value);
      return [id, parent, { turns: chatGptTurns(message), rank: 0 }] as const;
    });
    return branches(record, linkedTree(nodes), current_node);
  },
};

/** The turns of a message that people see: calls of ChatGPT's own tools aren't addressed to all, and thoughts aren't texts. */
function chatGptTurns(message: unknown): readonly Turn[] {
  const { recipient, content, metadata } = fieldsOf(message);
  const { content_type, parts } = fieldsOf(content);
  const isHidden = fieldsOf(metadata).is_visually_hidden_from_conversation === true;
  const isSeen = content_type === 'text' || content_type === 'multimodal_text' || parts !== undefined;
  if (isHidden || !isSeen || (typeof recipient === 'string' && recipient !== 'all')) return [];
  return turnsOfMessage(message).filter(({ value }) => value !== '');
}

const openWebUi: Shape = {
  name: 'Open WebUI export',
  example:
    '{"chat": {"history": {"currentId": "b", "messages": {"a": {"parentId": null, "role": "user", "content": "What is moss?"}, "b": {"parentId": "a", "role": "assistant", "content": "A small plant."}}}}}',
  mapping:
    'the thread that ends at `currentId`; other branches are conversations of their own; else `chat.messages`',
  keys: ['chat'],
  conversations: (record) => {
    const chat = fieldsOf(fieldsOf(record).chat);
    const { messages, currentId } = fieldsOf(chat.history);
    const nodes = Object.entries(fieldsOf(messages)).map(([id, value]) => {
      return [id, fieldsOf(value).parentId, { turns: turnsOfMessage(value), rank: 0 }] as const;
    });
    const threads = branches(record, linkedTree(nodes), currentId);
    return threads.length > 0 ? threads : conversationsOf(record, [turnsOfList(chat.messages)]);
  },
};

const libreChat: Shape = {
  name: 'LibreChat export',
  example:
    '{"conversationId": "x", "messages": [{"messageId": "a", "parentMessageId": null, "isCreatedByUser": true, "text": "What is moss?"}, {"messageId": "b", "parentMessageId": "a", "isCreatedByUser": false, "text": "A small plant."}]}',
  mapping:
    'the thread that ends at the last message, by `parentMessageId` or `children`; other branches as above',
  keys: ['messages'],
  conversations: (record) => {
    const { messages } = fieldsOf(record);
    if (!Array.isArray(messages)) return [];
    const [first] = messages.map(fieldsOf);
    if (first === undefined || !('messageId' in first || 'isCreatedByUser' in first)) return [];
    const nodeOf = (message: JsonObject) => ({ turns: turnsOfMessage(message), rank: 0 });
    if (messages.some((each) => Array.isArray(fieldsOf(each).children))) {
      return branches(record, nestedTree(messages, 'children', nodeOf), undefined);
    }
    const nodes = messages.map(fieldsOf).map((message) => {
      return [message.messageId, message.parentMessageId, nodeOf(message)] as const;
    });
    return branches(record, linkedTree(nodes), fieldsOf(messages.at(-1)).messageId);
  },
};

const claude: Shape = {
  name: 'Claude export',
  example:
    '{"uuid": "x", "chat_messages": [{"sender": "human", "text": "What is moss?"}, {"sender": "assistant", "text": "A small plant."}]}',
  mapping: '`chat_messages` in order',
  keys: ['chat_messages'],
  conversations: (record) => {
    const turns = turnsOfList(fieldsOf(record).chat_messages);
    return conversationsOf(record, [turns.filter(({ value, calls }) => value !== '' || calls)]);
  },
};

const oasst: Shape = {
  name: 'OASST tree',
  example:
    '{"message_tree_id": "x", "prompt": {"text": "What is moss?", "role": "prompter", "replies": [{"text": "A small plant.", "role": "assistant", "rank": 0, "replies": []}]}}',
  mapping: 'the replies of the best `rank`; other branches are conversations of their own',
  keys: ['prompt'],
  conversations: (record) => {
    const { prompt } = fieldsOf(record);
    if (!isObject(prompt) || !Array.isArray(prompt.replies)) return [];
    return branches(record, nestedTree([prompt], 'replies', oasstNode), undefined);
  },
};

/** A message of OASST: the best reply has rank 0. Those without a rank come last. */
export function oasstNode(message: JsonObject) {
  const { rank } = message;
  return { turns: turnsOfMessage(message), rank: typeof rank === 'number' ? rank : Number.MAX_SAFE_INTEGER };
}

/** Exports of applications, and trees. */
export const EXPORT_SHAPES: readonly Shape[] = [chatGpt, openWebUi, libreChat, claude, oasst];

function branches(record: JsonRecord, tree: Tree, preferred: unknown): readonly Conversation[] {
  const paths = pathsOf(tree, typeof preferred === 'string' ? preferred : undefined);
  return conversationsOf(
    record,
    Array.from(paths, ({ turns }) => turns),
  );
}

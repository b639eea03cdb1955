/** Shapes of providers that don't follow OpenAI. */

import { conversationsOf, isSaid, replyTurns, withSystem } from './conversations.js';
import { fieldOf, fieldsOf, plainText } from './record.js';
import type { Shape } from './shape.js';
import { turnsOfList } from './turns.js';

const gemini: Shape = {
  name: 'Gemini',
  example:
    '{"systemInstruction": {"parts": [{"text": "Be brief."}]}, "contents": [{"role": "user", "parts": [{"text": "What is moss?"}]}, {"role": "model", "parts": [{"text": "A small plant."}]}]}',
  mapping: '`systemInstruction`, then `contents` in order',
  keys: ['contents'],
  conversations: (record) => {
    const turns = turnsOfList(fieldsOf(record).contents);
    return isSaid(turns) ? conversationsOf(record, [withSystem(record, turns)]) : [];
  },
};

const cohere: Shape = {
  name: 'Cohere',
  example:
    '{"preamble": "Be brief.", "chat_history": [{"role": "USER", "message": "What is moss?"}, {"role": "CHATBOT", "message": "A small plant."}], "message": "Does it bloom?", "response": "Never."}',
  mapping: '`preamble`, `chat_history`, then `message` → `response` or `text`',
  keys: ['chat_history'],
  conversations: (record) => {
    const { chat_history, message } = fieldsOf(record);
    const text = plainText(message);
    if (text === undefined || !Array.isArray(chat_history)) return [];
    const reply = replyTurns(fieldOf(record, ['response', 'text', 'reply', 'completion']));
    const turns = [...turnsOfList(chat_history), { from: 'user', value: text }, ...reply];
    return conversationsOf(record, [withSystem(record, turns)]);
  },
};

/** The Responses API, whose items a record lists as `input` and `output`, is among the logs. */
export const PROVIDER_SHAPES: readonly Shape[] = [gemini, cohere];

/** Shapes of whole conversations in one text, which a chat template made. */

import { conversationsOf, withSystem } from './conversations.js';
import { fieldOf } from './record.js';
import type { Shape } from './shape.js';
import { TEXT_TEMPLATES, turnsOfText } from './templates.js';

/** The keys of such a text. */
export const TEXT_KEYS = [
  'text',
  'chat',
  'conversation',
  'conversations',
  'dialogue',
  'dialog',
  'prompt',
  'content',
  'input',
];

/** One shape a template. */
export const TEXT_SHAPES: readonly Shape[] = TEXT_TEMPLATES.map((template) => ({
  name: `text by ${template.name}`,
  example: JSON.stringify({ text: template.example }),
  mapping: 'the messages that the template made it of',
  keys: TEXT_KEYS,
  conversations: (record) => {
    for (const key of TEXT_KEYS) {
      const text = fieldOf(record, [key]);
      const turns = typeof text === 'string' ? turnsOfText(text, template) : [];
      if (turns.length > 0) return conversationsOf(record, [withSystem(record, turns)]);
    }
    return [];
  },
}));

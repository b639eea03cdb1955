import { TEXT_TYPES } from './schemas/common.js';

/** What is said: a text, or a list of parts. */
type Content = string | readonly { readonly type: string; readonly text?: string }[];

/** The text of a message: of a list, that of its text parts, put together. */
export function textOf(content: Content): string {
  if (typeof content === 'string') return content;
  return content.map(({ type, text }) => (TEXT_TYPES.includes(type) ? text : '')).join('');
}

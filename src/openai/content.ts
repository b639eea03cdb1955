import { TEXT_TYPES } from './schemas/common.js';

/** The content of a message: a text, or a list of parts. */
type Content = string | readonly { readonly type: string; readonly text?: string }[];

/** The text of a message. In a list, the text parts are joined. */
export function textOf(content: Content): string {
  if (typeof content === 'string') return content;
  return content.map(({ type, text }) => (TEXT_TYPES.includes(type) ? text : '')).join('');
}

import { AppError } from '../core/errors.js';
import { TEXT_LENGTH_MAX } from '../core/limits.js';
import { TEXT_TYPES } from './schemas/common.js';

/** The content of a message: a text, or a list of parts. */
type Content = string | readonly { readonly type: string; readonly text?: string }[];

/**
 * The text of a message. In a list, the text parts are joined.
 *
 * @param param the field that has the messages, for errors
 * @throws AppError if the parts together are longer than a text may be
 */
export function textOf(content: Content, param: string): string {
  if (typeof content === 'string') return content;
  const text = content.map(({ type, text }) => (TEXT_TYPES.includes(type) ? text : '')).join('');
  if (text.length <= TEXT_LENGTH_MAX) return text;
  const message = `Invalid '${param}': the text parts of a message are too long together. Expected at most ${TEXT_LENGTH_MAX} characters.`;
  throw new AppError('string_above_max_length', { param, message });
}

import { parseTurn } from '../core/conversation.js';
import { RecordedReply } from '../lookup/recorded-reply.js';
import type { ReplyValue } from './types.js';

/** A valid reply of a test, as if it were recorded. */
export function recordedReply(value: ReplyValue): RecordedReply {
  const message = typeof value === 'string' ? { content: value } : value;
  return RecordedReply.of(parseTurn({ ...message, role: 'assistant' }) ?? { from: 'assistant', value: '' });
}

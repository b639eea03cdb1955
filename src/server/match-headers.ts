import type { Response } from 'express';
import { SOURCE_ID_LENGTH_MAX } from '../core/limits.js';
import type { Match } from '../lookup/lookup.js';

/** Says in the headers where an answer comes from, or that there is none. */
export function setMatchHeaders(response: Response, match: Match | undefined): void {
  response.setHeader('x-verbatim-match', match?.rung ?? 'none');
  if (match === undefined) return;
  response.setHeader('x-verbatim-source', `${headerSafe(match.conversationId)}#${match.replyIndex}`);
}

/** An id may hold anything; in a header, what is no printable ASCII is percent-encoded, and the percent sign too. */
export function headerSafe(id: string, lengthMax: number = SOURCE_ID_LENGTH_MAX): string {
  const short = id.slice(0, lengthMax).toWellFormed();
  return short.replace(/[^\x21-\x24\x26-\x7e]+/g, encodeURIComponent);
}

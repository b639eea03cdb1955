import type { Response } from 'express';
import { SOURCE_ID_LENGTH_MAX } from '../core/limits.js';
import type { Match } from '../lookup/lookup.js';
import { factsOf } from './request-facts.js';

/** Says in the headers where an answer comes from, or that there is none. */
export function setMatchHeaders(response: Response, match: Match | undefined): void {
  const rung = match?.rung ?? 'none';
  const source = match && sourceOf(match);
  response.setHeader('x-verbatim-match', rung);
  if (source !== undefined) response.setHeader('x-verbatim-source', source);
  const facts = factsOf(response);
  if (facts === undefined) return;
  facts.match = rung;
  facts.source = source;
}

/** Where a reply stands, as the header `x-verbatim-source` says it. */
export function sourceOf({
  conversationId,
  replyIndex,
}: Pick<Match, 'conversationId' | 'replyIndex'>): string {
  return `${headerSafe(conversationId)}#${replyIndex}`;
}

/** An id may hold anything; in a header, what is no printable ASCII is percent-encoded, and the percent sign too. */
export function headerSafe(id: string, lengthMax: number = SOURCE_ID_LENGTH_MAX): string {
  if (id.length <= lengthMax && /^[\x21-\x24\x26-\x7e]*$/.test(id)) return id;
  const short = id.slice(0, lengthMax).toWellFormed();
  return short.replace(/[^\x21-\x24\x26-\x7e]+/g, encodeURIComponent);
}

import { SOURCE_ID_LENGTH_MAX } from '../core/limits.js';
import type { Match } from '../lookup/lookup.js';
import type { Model } from '../models/model.js';
import type { Origin } from './endpoint.js';

/** Where a reply comes from, as the headers say it. */
export function originOf(match: Match | undefined, model: Pick<Model, 'sourceOf'>): Origin {
  if (match === undefined) return NOWHERE;
  const source = `${headerSafe(match.conversationId)}#${match.replyIndex}`;
  return { match: match.rung, source, dataset: headerSafe(model.sourceOf(match).id) };
}

/** There is no recorded reply. */
export const NOWHERE: Origin = { match: 'none' };

/** An id may hold anything; in a header, what is no printable ASCII is percent-encoded, and the percent sign too. */
export function headerSafe(id: string, lengthMax: number = SOURCE_ID_LENGTH_MAX): string {
  if (id.length <= lengthMax && /^[\x21-\x24\x26-\x7e]*$/.test(id)) return id;
  const short = id.slice(0, lengthMax).toWellFormed();
  return short.replace(/[^\x21-\x24\x26-\x7e]+/g, encodeURIComponent);
}

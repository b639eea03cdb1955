import { SOURCE_ID_LENGTH_MAX } from '../core/limits.js';
import type { Given } from '../lookup/lookup.js';
import type { Model } from '../models/model.js';
import type { Origin } from './endpoint.js';

/** Where a reply comes from, as the headers say it. */
export function originOf(given: Given | undefined, model: Pick<Model, 'sourceOf'>): Origin {
  if (given?.rung === undefined) return NOWHERE;
  const source = `${headerSafe(given.conversationId)}#${given.replyIndex}`;
  return { match: given.rung, source, dataset: headerSafe(model.sourceOf(given).id) };
}

/** There is no recorded reply. */
export const NOWHERE: Origin = { match: 'none' };

/** An id may hold anything; in a header, what is no printable ASCII is percent-encoded, and the percent sign too. */
export function headerSafe(id: string, lengthMax: number = SOURCE_ID_LENGTH_MAX): string {
  if (id.length <= lengthMax && /^[\x21-\x24\x26-\x7e]*$/.test(id)) return id;
  const short = id.slice(0, lengthMax).toWellFormed();
  return short.replace(/[^\x21-\x24\x26-\x7e]+/g, encodeURIComponent);
}

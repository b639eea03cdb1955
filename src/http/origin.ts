import { SOURCE_ID_LENGTH_MAX } from '../core/limits.js';
import type { Given } from '../lookup/lookup.js';
import type { Model } from '../models/model.js';
import type { Origin } from './endpoint.js';
import { scoreText } from './score-text.js';

/** Where a reply comes from, for the headers. */
export function originOf(given: Given | undefined, model: Pick<Model, 'sourceOf'>): Origin {
  if (given?.rung === undefined) return NOWHERE;
  const source = `${headerSafe(given.conversationId)}#${given.replyIndex}`;
  if (given.rung === 'override') return { match: given.rung, source };
  const origin = { match: given.rung, source, dataset: headerSafe(model.sourceOf(given).id) };
  return given.rung === 'nearest' ? { ...origin, score: scoreText(given.score) } : origin;
}

/** For answers without a recorded reply. */
export const NOWHERE: Origin = { match: 'none' };

/** For answers that are computed from the request: nothing was looked up. */
export const COMPUTED: Origin = { match: 'computed' };

/**
 * Makes an id safe for a header. It may hold anything: all characters but printable ASCII are percent-encoded, and so is the percent sign.
 */
export function headerSafe(id: string, lengthMax: number = SOURCE_ID_LENGTH_MAX): string {
  if (id.length <= lengthMax && /^[\x21-\x24\x26-\x7e]*$/.test(id)) return id;
  const short = id.slice(0, lengthMax).toWellFormed();
  return short.replace(/[^\x21-\x24\x26-\x7e]+/g, encodeURIComponent);
}

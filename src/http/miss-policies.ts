import { after, firstFound, type MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import type { Given, StandIn } from '../lookup/lookup.js';
import { RecordedReply } from '../lookup/recorded-reply.js';
import type { Model } from '../models/model.js';
import { promptNotFound } from './prompt-not-found.js';

/** A prompt that no turn equals. */
export interface Miss {
  readonly model: Pick<Model, 'alike'>;
  /** What was looked up, one after the other; empty if there was nothing to look up. */
  readonly queries: readonly Query[];
  /** The field that holds the prompt. */
  readonly param: string;
  /** How the prompt is called there. */
  readonly what: string;
}

/**
 * What a miss gets. A further one is a function here, and its name in the setting `ON_MISS`.
 *
 * @param signal tells when the answer is no longer wanted
 * @throws AppError, at once or as a rejection
 */
export type MissPolicy = (miss: Miss, signal: () => AbortSignal) => MaybePromise<Given>;

/** A 404 that says what was looked for. */
export const errorOnMiss: MissPolicy = ({ model, queries, param, what }, signal) => {
  const alike = firstFound(queries, (query) => model.alike(query, signal));
  return after(alike, (alike) => {
    throw promptNotFound(queries.at(-1), param, what, alike);
  });
};

/** A text, the same for all. */
export function fallbackOnMiss(text: string): MissPolicy {
  const given: StandIn = { reply: RecordedReply.of({ from: 'assistant', value: text }) };
  return () => given;
}

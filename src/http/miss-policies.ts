import type { Config } from '../config.js';
import { after, firstFound, type MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import type { Given, StandIn } from '../lookup/lookup.js';
import { RecordedReply } from '../lookup/recorded-reply.js';
import type { Model } from '../models/model.js';
import type { RequestContext } from './endpoint.js';
import { promptNotFound } from './prompt-not-found.js';

/** A prompt that no turn equals. */
export interface Miss {
  readonly model: Pick<Model, 'similar' | 'status'>;
  /** What was looked up, one after the other; empty if there was nothing to look up. */
  readonly queries: readonly Query[];
  /** The field that holds the prompt. */
  readonly param: string;
  /** How the prompt is called there. */
  readonly what: string;
}

/**
 * What a miss gets. A further one is an entry of `POLICIES`, and its name in the setting `ON_MISS`.
 *
 * @param signal tells when the answer is no longer wanted
 * @throws AppError, at once or as a rejection
 */
export type MissPolicy = (miss: Miss, signal: () => AbortSignal) => MaybePromise<Given>;

/** The policies, by their names in the setting `ON_MISS`. */
const POLICIES: Readonly<Record<Config['onMiss'], (settings: MissSettings) => MissPolicy>> = {
  error: ({ missStatus }) => errorOnMiss(missStatus),
  fallback: ({ fallbackText }) => fallbackOnMiss(fallbackText),
};

/** What of the settings says what a miss gets. */
export type MissSettings = Pick<Config, 'onMiss' | 'fallbackText' | 'missStatus'>;

/** The policy that is set. */
export function missPolicyOf(settings: MissSettings): MissPolicy {
  return POLICIES[settings.onMiss](settings);
}

/**
 * What a prompt is answered from: what is found for a query, else what the policy gives.
 *
 * @param query undefined if there is nothing to look up
 * @param prompt where it stands in the request
 * @throws AppError, at once or as a rejection
 */
export function findOrMiss(
  model: Model,
  query: Query | undefined,
  prompt: Pick<Miss, 'param' | 'what'>,
  onMiss: MissPolicy,
  context: RequestContext,
): MaybePromise<Given> {
  const { signal } = context;
  return after(query && model.lookup.find(query, signal), (match) => {
    if (match === undefined) {
      context.noteMiss(query);
      return onMiss({ ...prompt, model, queries: query === undefined ? [] : [query] }, signal);
    }
    context.holdReply(match);
    return match;
  });
}

/** An error that says what was looked for, and which turn is near. */
function errorOnMiss(status: number): MissPolicy {
  return ({ model, queries, param, what }, signal) => {
    const similar = firstFound(queries, (query) => model.similar(query, signal));
    return after(similar, (similar) => {
      const { example } = model.status.counts;
      throw promptNotFound(queries.at(-1), { param, what, status }, { similar, example });
    });
  };
}

/** A text, the same for all. */
function fallbackOnMiss(text: string): MissPolicy {
  const given: StandIn = { reply: RecordedReply.of({ from: 'assistant', value: text }) };
  return () => given;
}

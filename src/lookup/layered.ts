import type { Rung } from '../core/match.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import { isAssistant } from '../core/roles.js';
import type { Lookup, Match } from './lookup.js';

/** From the best rung to the worst. */
const RUNGS: readonly Rung[] = ['context', 'prompt', 'normalized'];

/** One of several lookups that are searched in order. */
export interface Layer {
  /** The name of its model, for matches in it; undefined if all layers are one model's. */
  readonly model?: string | undefined;
  readonly lookup: Lookup;
}

/**
 * Searches several lookups in order: a match without rules goes before others, then an assistant's reply, then the better rung, then the
 * earlier layer.
 */
export class LayeredLookup implements Lookup {
  private readonly layers: () => readonly Layer[];

  /** @param layers the layers now: they may change between lookups */
  constructor(layers: () => readonly Layer[]) {
    this.layers = layers;
  }

  get isImmediate(): boolean {
    return this.layers().every(({ lookup }) => lookup.isImmediate);
  }

  find(query: Query, signal?: () => AbortSignal): MaybePromise<Match | undefined> {
    return findFrom(this.layers(), 0, undefined, query, signal);
  }
}

function findFrom(
  layers: readonly Layer[],
  from: number,
  bestBefore: Match | undefined,
  query: Query,
  signal: (() => AbortSignal) | undefined,
): MaybePromise<Match | undefined> {
  let best = bestBefore;
  for (let at = from; at < layers.length; at++) {
    if (best !== undefined && rankOf(best, query) === 0) return best;
    const layer = layers[at] as Layer;
    const found = layer.lookup.find(query, signal);
    if (found instanceof Promise)
      return found.then((match) =>
        findFrom(layers, at + 1, betterOf(best, match, layer, query), query, signal),
      );
    best = betterOf(best, found, layer, query);
  }
  return best;
}

/** The better of two matches, of which the second is from `layer`; the first if they are equally good. */
function betterOf(
  best: Match | undefined,
  match: Match | undefined,
  { model }: Layer,
  query: Query,
): Match | undefined {
  if (match === undefined) return best;
  const isBetter = best === undefined || rankOf(match, query) < rankOf(best, query);
  return isBetter ? { ...match, dataset: model ?? match.dataset } : best;
}

/** 0 for the best matches. The legacy API's queries, which have no context, don't ask whose reply it is. */
function rankOf({ rung, isRuled = false, reply }: Match, { contextual }: Query): number {
  const isOther = contextual && !isAssistant(reply.from);
  return RUNGS.indexOf(rung) + RUNGS.length * (Number(isOther) + 2 * Number(isRuled));
}

import type { Rung } from '../core/match.js';
import { after, type MaybePromise } from '../core/maybe-promise.js';
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

/** Searches several lookups in order: an assistant's reply goes before others, then the better rung, then the earlier layer. */
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
  at: number,
  best: Match | undefined,
  query: Query,
  signal: (() => AbortSignal) | undefined,
): MaybePromise<Match | undefined> {
  const layer = layers[at];
  if (layer === undefined || (best !== undefined && rankOf(best, query) === 0)) return best;
  return after(layer.lookup.find(query, signal), (match) => {
    const isBetter =
      match !== undefined && (best === undefined || rankOf(match, query) < rankOf(best, query));
    const dataset = layer.model ?? match?.dataset;
    return findFrom(layers, at + 1, isBetter ? { ...match, dataset } : best, query, signal);
  });
}

/** 0 for the best matches. The legacy API's queries, which have no context, don't ask whose reply it is. */
function rankOf({ rung, reply }: Match, { contextual }: Query): number {
  const isOther = contextual && !isAssistant(reply.from);
  return RUNGS.indexOf(rung) + (isOther ? RUNGS.length : 0);
}

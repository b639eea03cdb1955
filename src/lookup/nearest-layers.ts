import { SHARING_TURNS_MAX } from '../core/limits.js';
import { after, type MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import {
  compareSharing,
  type NearestLookup,
  type NearestQuery,
  type NearMatch,
  type Sharing,
} from './lookup.js';

/** One of several lookups, with the name of its model for what is found in it; undefined if all are one model's. */
interface NearestLayer {
  readonly model?: string;
  readonly lookup: NearestLookup;
}

/** The nearest turns of several lookups: the best score first, then the earlier lookup. */
export function nearestOf(
  layers: readonly NearestLayer[],
  asked: NearestQuery,
  signal?: () => AbortSignal,
): MaybePromise<readonly NearMatch[]> {
  return nearestFrom(layers, 0, [], asked, signal);
}

function nearestFrom(
  layers: readonly NearestLayer[],
  at: number,
  best: readonly NearMatch[],
  asked: NearestQuery,
  signal: (() => AbortSignal) | undefined,
): MaybePromise<readonly NearMatch[]> {
  const layer = layers[at];
  if (layer === undefined) return best;
  return after(layer.lookup.nearest(asked, signal), (found) => {
    const named = found.map((match) => ({ ...match, dataset: layer.model ?? match.dataset }));
    // Sorting is stable: of equals, those of earlier lookups come first.
    const all = [...best, ...named].sort((one, other) => other.score - one.score).slice(0, asked.count);
    return nearestFrom(layers, at + 1, all, asked, signal);
  });
}

/** The turns of several lookups that have the prompt of a query; undefined if one of them doesn't know. */
export function sharingOf(
  layers: readonly NearestLayer[],
  query: Query,
  signal?: () => AbortSignal,
): MaybePromise<Sharing | undefined> {
  return sharingFrom(layers, 0, { exact: 0, normalized: 0, turns: [] }, query, signal);
}

function sharingFrom(
  layers: readonly NearestLayer[],
  at: number,
  before: Sharing,
  query: Query,
  signal: (() => AbortSignal) | undefined,
): MaybePromise<Sharing | undefined> {
  const layer = layers[at];
  if (layer === undefined) return before;
  return after(layer.lookup.sharing(query, signal), (found) => {
    if (found === undefined) return undefined;
    const named = found.turns.map((turn) => ({ ...turn, dataset: layer.model ?? turn.dataset }));
    const sum = {
      exact: before.exact + found.exact,
      normalized: before.normalized + found.normalized,
      turns: [...before.turns, ...named].sort(compareSharing).slice(0, SHARING_TURNS_MAX),
    };
    return sharingFrom(layers, at + 1, sum, query, signal);
  });
}

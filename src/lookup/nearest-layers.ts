import { after, type MaybePromise } from '../core/maybe-promise.js';
import type { NearestLookup, NearestQuery, NearMatch } from './lookup.js';

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

import { AppError } from '../core/errors.js';
import { SHARING_TURNS_MAX } from '../core/limits.js';
import { after, all, type MaybePromise, orElse } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import { inSlices } from '../core/steps.js';
import { KEPT } from '../kernel/sketches.js';
import {
  type Candidates,
  compareSharing,
  type NearestLookup,
  type NearestQuery,
  type NearMatch,
  type Sharing,
} from './lookup.js';
import { bestOf } from './nearest.js';

/** One of several lookups, with the name of its model for what is found in it; undefined if all are one model's. */
interface NearestLayer {
  readonly model?: string;
  readonly lookup: NearestLookup;
}

/**
 * The turns of several lookups whose sketches are nearest, as one lookup of all their turns would find them: it doesn't matter how a dataset
 * is cut.
 */
export function candidatesOf(
  layers: readonly NearestLayer[],
  asked: NearestQuery,
  signal?: () => AbortSignal,
): MaybePromise<Candidates> {
  // All at once: they share threads while they have to wait.
  const found = all(layers, ({ model, lookup }) =>
    after(lookup.candidates(asked, signal), (lists) =>
      lists.map((turns) => turns.map((turn) => namedBy(model, turn))),
    ),
  );
  return after(found, mergedCandidates);
}

/** The nearest turns of all that were searched, from those of each of several layers; in the order of the layers. */
export function mergedCandidates(layered: readonly Candidates[]): Candidates {
  const sought = Math.max(0, ...layered.map(({ length }) => length));
  return Array.from({ length: sought }, (_, i) =>
    // Sorting is stable: of equally near ones, those of earlier layers come first.
    layered
      .flatMap((lists, layer) => (lists[i] ?? []).map((turn) => ({ ...turn, order: [layer, ...turn.order] })))
      .sort((one, other) => one.distance - other.distance)
      .slice(0, KEPT),
  );
}

/**
 * The turns of a lookup that are nearest to a prompt: the best score first; of equals the first in order.
 *
 * @throws AppError, synchronously or as a rejection, if the dataset can't be read
 */
export function nearestIn(
  lookup: NearestLookup,
  asked: NearestQuery,
  signal?: () => AbortSignal,
): MaybePromise<readonly NearMatch[]> {
  const search = () =>
    after(lookup.candidates(asked, signal), (found) => inSlices(bestOf(found, asked), signal));
  return orElse(search, (error) => {
    // A file may have been replaced between the search of its sketches and the reading of its texts.
    if (error instanceof AppError && error.code === 'dataset_changed') return search();
    throw error;
  });
}

/** The turns of several lookups that have the prompt of a query; undefined if one of them doesn't know. */
export function sharingOf(
  layers: readonly NearestLayer[],
  query: Query,
  signal?: () => AbortSignal,
): MaybePromise<Sharing | undefined> {
  const found = all(layers, ({ model, lookup }) =>
    after(
      lookup.sharing(query, signal),
      (sharing) => sharing && { ...sharing, turns: sharing.turns.map((turn) => namedBy(model, turn)) },
    ),
  );
  return after(found, (all) => {
    const known = all.filter((each) => each !== undefined);
    if (known.length < all.length) return undefined;
    const sum = (count: (each: Sharing) => number) => known.reduce((total, each) => total + count(each), 0);
    return {
      exact: sum(({ exact }) => exact),
      normalized: sum(({ normalized }) => normalized),
      turns: known
        .flatMap(({ turns }) => turns)
        .sort(compareSharing)
        .slice(0, SHARING_TURNS_MAX),
    };
  });
}

function namedBy<T extends { readonly dataset?: string | undefined }>(model: string | undefined, turn: T): T {
  return { ...turn, dataset: model ?? turn.dataset };
}

import { SHARING_TURNS_MAX } from '../core/limits.js';
import { after, all, type MaybePromise } from '../core/maybe-promise.js';
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

/** The nearest turns of several lookups: the best score first, then the earlier lookup. All of them together read `bytesMax`. */
export function nearestOf(
  layers: readonly NearestLayer[],
  asked: NearestQuery,
  signal?: () => AbortSignal,
): MaybePromise<readonly NearMatch[]> {
  const share = { ...asked, bytesMax: asked.bytesMax / layers.length };
  // All at once: they share threads while they have to wait.
  const found = all(layers, ({ model, lookup }) =>
    after(lookup.nearest(share, signal), (turns) => turns.map((turn) => namedBy(model, turn))),
  );
  return after(found, (lists) =>
    // Sorting is stable: of equals, those of earlier lookups come first.
    lists
      .flat()
      .sort((one, other) => other.score - one.score)
      .slice(0, asked.count),
  );
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

import { after } from '../../core/maybe-promise.js';
import { type Query, valueQuery } from '../../core/query.js';
import type { Catalog } from '../../models/catalog.js';
import { type Endpoint, legacyJsonOf } from '../endpoint.js';
import { legacyCompletion, parseLegacyRequest } from '../legacy-wire.js';
import { originOf } from '../origin.js';

/**
 * `POST /api/v1/chat/completion`, and `…/v1`: the reply to the first turn that equals the value exactly.
 *
 * @param isCached true if the reply may come from the cache
 */
export function legacyChatCompletion(catalog: Catalog, isCached: boolean): Endpoint<Query> {
  return {
    isRemembered: isCached,
    parse: ({ body }) => valueQuery(parseLegacyRequest(body)),
    answer: (query, context) => {
      const model = catalog.resolve(undefined);
      const asOf = { model, generation: model.generation };
      const lookup = isCached ? model.lookup : model.uncachedLookup;
      return after(lookup.find(query, context.signal), (match) => {
        if (match === undefined) context.noteMiss(query);
        return {
          origin: originOf(match, model),
          ...legacyJsonOf(legacyCompletion(match)),
          ...(match !== undefined && { asOf }),
        };
      });
    },
  };
}

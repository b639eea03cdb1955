import { after } from '../../core/maybe-promise.js';
import { type Message, valueQuery } from '../../core/query.js';
import type { Match, Override } from '../../lookup/lookup.js';
import type { Catalog } from '../../models/catalog.js';
import type { Model } from '../../models/model.js';
import { type Answered, type Endpoint, legacyJsonOf } from '../endpoint.js';
import { legacyCompletion, parseLegacyRequest } from '../legacy-wire.js';
import { originOf } from '../origin.js';

/**
 * `POST /api/v1/chat/completion`, and `…/v1`: the reply to the first turn that equals the value exactly.
 *
 * @param isCached true if the reply may come from the cache
 */
export function legacyChatCompletion(catalog: Catalog, isCached: boolean): Endpoint<string> {
  return {
    isRemembered: isCached,
    parse: ({ body }) => parseLegacyRequest(body),
    messagesOf,
    answer: (value, context) => {
      const model = catalog.resolve(undefined);
      const query = valueQuery(value);
      const asOf = { model, generation: model.generation };
      const lookup = isCached ? model.lookup : model.uncachedLookup;
      return after(context.override(messagesOf(value)), (own) => {
        if (own !== undefined) return answered(own, model);
        return after(lookup.find(query, context.signal), (match) => {
          if (match === undefined) context.noteMiss(query);
          return { ...answered(match, model), ...(match !== undefined && { asOf }) };
        });
      });
    },
  };
}

function messagesOf(value: string): readonly Message[] {
  return [{ role: 'user', text: value }];
}

function answered(given: Match | Override | undefined, model: Model): Answered {
  return { origin: originOf(given, model), ...legacyJsonOf(legacyCompletion(given)) };
}

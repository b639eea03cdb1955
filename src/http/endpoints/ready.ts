import { AppError } from '../../core/errors.js';
import type { Catalog } from '../../models/catalog.js';
import { type Endpoint, jsonOf } from '../endpoint.js';

/**
 * `GET /ready`: whether the server can answer, by which engine, and how far it knows its datasets.
 *
 * @param isStopping true once the server was told to stop
 */
export function ready({ models }: Catalog, isStopping: () => boolean): Endpoint<void> {
  return {
    parse: () => undefined,
    answer: () => {
      if (isStopping()) throw new AppError('stopping');
      const states = models.map(({ id, status: { isAvailable, engine, progress, counts } }) => {
        if (!isAvailable) throw new AppError('dataset_changed');
        return { id, engine, progress, conversations: counts.conversations, turns: counts.turns };
      });
      const [{ id: _, ...first }] = states as [(typeof states)[number]];
      return jsonOf({ status: 'ready', ...first, ...(states.length > 1 && { models: states }) });
    },
  };
}

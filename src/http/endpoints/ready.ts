import { AppError } from '../../core/errors.js';
import type { Catalog } from '../../models/catalog.js';
import type { Model } from '../../models/model.js';
import { errorBody } from '../../openai/error-body.js';
import type { Store } from '../../store/store.js';
import { type Endpoint, jsonOf } from '../endpoint.js';
import type { OtherProcesses } from '../other-processes.js';

/**
 * `GET /ready`: whether the server can answer, with which engine, and how much of its dataset was walked. With several models, the answer
 * has this for each of them, too.
 *
 * @param isStopping true once the server is stopping
 * @param store named if servers share it. It may be away: most answers don't need it
 * @param others it isn't ready before they are
 */
export function ready(
  { models }: Catalog,
  isStopping: () => boolean,
  store: Store,
  others: () => OtherProcesses | undefined,
): Endpoint<void> {
  return {
    parse: () => undefined,
    answer: () => {
      if (isStopping()) throw new AppError('stopping');
      if (others()?.areReady === false) throw new AppError('threads_starting');
      const states = models.map(stateOf);
      const all =
        states.length > 1 ? { models: states.map((state, i) => ({ id: models[i]?.id, ...state })) } : {};
      const shared = store.isShared ? { store: store.isUp ? 'up' : 'away' } : {};
      if (states.every(({ status }) => status === 'ready'))
        return jsonOf({ ...states[0], ...shared, ...all });
      const error = new AppError(isStoreMissing(states) ? 'store_unavailable' : 'dataset_changed');
      if (states.length === 1) throw error;
      const body = { ...errorBody(error), ...all };
      return { ...jsonOf(body), status: 503, headers: ['retry-after', '1'] };
    },
  };
}

/** True if only datasets in a store are unavailable. */
function isStoreMissing(states: readonly DatasetState[]): boolean {
  return states.every(({ status, engine }) => status === 'ready' || engine === 'store');
}

/** The state of a dataset, as clients get it. */
export interface DatasetState {
  readonly status: 'ready' | 'unavailable';
  /** The engine that answers now. */
  readonly engine: 'sweep' | 'index' | 'store';
  /** The walked share of the dataset: 0 to 1. */
  readonly progress: number;
  /** The counts so far. */
  readonly conversations: number;
  readonly turns: number;
  /** Records that aren't served. */
  readonly skipped: number;
}

/** The state of a model's dataset. */
export function stateOf({ status }: Pick<Model, 'status'>): DatasetState {
  const { isAvailable, engine, progress, counts } = status;
  const { conversations, turns, skipped } = counts;
  return { status: isAvailable ? 'ready' : 'unavailable', engine, progress, conversations, turns, skipped };
}

import { CONTEXT_TOKENS } from '../core/limits.js';

/** A model as the API lists it: a dataset that is served. */
export interface ModelInfo {
  readonly id: string;
  /** When the dataset last changed, in whole seconds since 1970. */
  readonly created: number;
}

/** The body of `GET /v1/models`. */
export function modelList(models: readonly ModelInfo[]): object {
  return { object: 'list', data: models.map((model) => modelObject(model, model.id)) };
}

/**
 * The body of `GET /v1/models/{id}`.
 *
 * @param id the name in the request; the root is the model that answers under it
 */
export function modelObject({ id: root, created }: ModelInfo, id: string): object {
  return {
    id,
    object: 'model',
    created,
    owned_by: 'verbatim',
    root,
    parent: null,
    max_model_len: CONTEXT_TOKENS,
  };
}

/** A model as the API lists it: a dataset that is served. */
export interface ModelInfo {
  readonly id: string;
  /** When the dataset last changed, in whole seconds since 1970. */
  readonly created: number;
}

/**
 * The body of `GET /v1/models`.
 *
 * @param contextOf returns the context length of a model, in tokens
 */
export function modelList(models: readonly ModelInfo[], contextOf: (id: string) => number): object {
  return {
    object: 'list',
    data: models.map((model) => modelObject(model, model.id, contextOf(model.id))),
  };
}

/**
 * The body of `GET /v1/models/{id}`.
 *
 * @param id the name in the request; the root is the model that answers under it
 * @param context the context length, in tokens
 */
export function modelObject({ id: root, created }: ModelInfo, id: string, context: number): object {
  return {
    id,
    object: 'model',
    created,
    owned_by: 'verbatim',
    root,
    parent: null,
    max_model_len: context,
  };
}

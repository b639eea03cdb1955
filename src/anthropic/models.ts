/** A model as the API lists it: a dataset that is served. */
interface ModelInfo {
  readonly id: string;
  /** When the dataset last changed, in whole seconds since 1970. */
  readonly created: number;
}

/**
 * The body of `GET /v1/models`: all models on one page.
 *
 * @param contextOf returns the context length of a model, in tokens
 */
export function modelList(models: readonly ModelInfo[], contextOf: (id: string) => number): object {
  return {
    data: models.map((model) => modelObject(model, model.id, contextOf(model.id))),
    has_more: false,
    first_id: models[0]?.id ?? null,
    last_id: models.at(-1)?.id ?? null,
  };
}

/**
 * The body of `GET /v1/models/{id}`.
 *
 * @param id the name in the request
 * @param context the context length, in tokens
 */
export function modelObject({ created }: ModelInfo, id: string, context: number): object {
  return {
    type: 'model',
    id,
    display_name: id,
    created_at: new Date(created * 1000).toISOString(),
    max_input_tokens: context,
  };
}

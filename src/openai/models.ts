/** A model as the API lists it: the dataset that is served. */
export interface ModelInfo {
  readonly id: string;
  /** Seconds since 1970, whole: the dataset's last change. */
  readonly created: number;
}

/** The body of `GET /v1/models`. */
export function modelList(models: readonly ModelInfo[]): object {
  return {
    object: 'list',
    data: models.map(({ id, created }) => ({
      id,
      object: 'model',
      created,
      owned_by: 'verbatim',
      root: id,
      parent: null,
    })),
  };
}

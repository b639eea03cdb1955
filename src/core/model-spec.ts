/** A dataset to serve, and the name of the model that it is served as. */
export interface ModelSpec {
  readonly id: string;
  /** The dataset's file. */
  readonly path: string;
}

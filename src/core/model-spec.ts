import type { FieldMap } from './field-map.js';

/** A dataset to serve, and the name of the model that it is served as. */
export interface ModelSpec {
  readonly id: string;
  /** The dataset's file. */
  readonly path: string;
  /** True if the file is removed at the end: nothing is saved for the next start. */
  readonly isTemporary?: boolean | undefined;
  /** True if it has recordings: they answer before all other datasets, and only requests that are exactly the recorded ones. */
  readonly isRecordings?: boolean | undefined;
  /** The fields of its records; undefined if the setting for all datasets counts. */
  readonly map?: FieldMap | undefined;
}

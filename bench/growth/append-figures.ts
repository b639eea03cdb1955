/** A file that lines are appended to one by one. */
export interface AppendTask {
  /** The file that they are appended to a copy of. */
  readonly path: string;
  /** The same dataset as an array, whose prompts are looked up. */
  readonly sample: string;
  /** The folder for the copy. */
  readonly folder: string;
  readonly count: number;
}

/** What was measured. */
export interface AppendFigures {
  /** The time of a lookup before and after, in µs. */
  readonly before: number;
  readonly after: number;
  /** The same once the longer file is opened again. */
  readonly whole: number;
  /** How long all of them took, each with a lookup that waits for it. */
  readonly seconds: number;
}

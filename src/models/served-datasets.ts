import type { ModelSpec } from '../core/model-spec.js';
import type { Notices } from './notices.js';
import { type DatasetFigures, ServedDataset, type ServedOptions } from './served-dataset.js';

/** A dataset that is served, under the name of its model. */
export interface NamedDataset extends ModelSpec {
  readonly served: ServedDataset;
}

/** The datasets of a server: opened, walked and closed together, by the threads of one pool. */
export class ServedDatasets {
  /** In the order in which they were named. */
  readonly all: readonly NamedDataset[];

  /**
   * Opens the files.
   *
   * @param noticesOf takes what happens to one of them
   * @throws DatasetError
   */
  constructor(
    specs: readonly ModelSpec[],
    options: Omit<ServedOptions, 'notices'>,
    noticesOf: (spec: ModelSpec) => Notices,
  ) {
    const opened: NamedDataset[] = [];
    try {
      for (const spec of specs) {
        const served = new ServedDataset(spec.path, { ...options, notices: noticesOf(spec) });
        opened.push({ ...spec, served });
      }
    } catch (error) {
      for (const { served } of opened) served.close();
      throw error;
    }
    this.all = opened;
  }

  /**
   * Comes back when all datasets can be served: see `ServedDataset.start`.
   *
   * @returns settles when all of all files was walked
   * @throws DatasetError
   */
  async start(): Promise<{ readonly walked: Promise<unknown> }> {
    const walks: Promise<void>[] = [];
    const start = async ({ served }: NamedDataset) => {
      const { walked } = await served.start();
      // One may fail while another has still to begin: the caller is told when all have.
      walked.catch(() => undefined);
      walks.push(walked);
    };
    await Promise.all(this.all.map(start));
    return { walked: Promise.all(walks) };
  }

  /** What is counted of each, by the ids of their models. */
  get figures(): ReadonlyMap<string, DatasetFigures> {
    return new Map(this.all.map(({ id, served }) => [id, served.figures]));
  }

  /** How much of all files was walked: 0 to 1. */
  get progress(): number {
    const bytes = (of: (progress: number) => number) =>
      this.all.reduce((sum, { served }) => sum + served.dataset.file.size * of(served.status.progress), 0);
    return (
      bytes((progress) => progress) /
      Math.max(
        1,
        bytes(() => 1),
      )
    );
  }

  /** Looks whether the files are still the ones that are served. */
  lookAtFiles(): void {
    for (const { served } of this.all) served.lookAtFile();
  }

  /** Ends the threads, and lets go of the files. */
  async close(): Promise<void> {
    await Promise.all(this.all.map(({ served }) => served.close()));
  }
}

import type { ModelSpec } from '../core/model-spec.js';
import { assertFound } from '../dataset/parts.js';
import { isSeveral } from '../dataset/several.js';
import { DEFAULT_SHAPE_OPTIONS } from '../dataset/shapes/shape.js';
import type { StoreConnection } from '../store/connection.js';
import type { Notices } from './notices.js';
import type { DatasetFigures, Served } from './served.js';
import { ServedDataset, type ServedOptions } from './served-dataset.js';
import type { ServedParts } from './served-parts.js';

/** A served dataset, with the name of its model. */
export interface NamedDataset extends ModelSpec {
  readonly served: Served;
}

/** Datasets in a store. */
export interface StoredModels {
  readonly names: readonly string[];
  readonly connection: StoreConnection;
  /** The beginning of all keys. */
  readonly prefix: string;
}

/** Takes the place of a path, for people. */
const STORE_PATH = 'the store';

/** Recordings have one shape, and answer only what is exactly recorded. */
const RECORDINGS = {
  isRecordings: true,
  shapes: DEFAULT_SHAPE_OPTIONS,
  splits: [],
  rules: [],
  sketchesAtOnce: false,
} as const;

/** The datasets of a server. They share one pool, and are opened, walked and closed together. */
export class ServedDatasets {
  /** In the configured order. */
  readonly all: readonly NamedDataset[];

  private constructor(all: readonly NamedDataset[]) {
    this.all = all;
  }

  /**
   * Opens the files, and spools those that can't be served as they are.
   *
   * @param noticesOf returns the receiver of one dataset's events
   * @param signal gives up
   * @param stored datasets in a store, which come after the files
   * @throws DatasetError
   */
  static async open(
    specs: readonly ModelSpec[],
    options: Omit<ServedOptions, 'notices'>,
    noticesOf: (spec: ModelSpec) => Notices,
    signal?: AbortSignal,
    stored?: StoredModels,
  ): Promise<ServedDatasets> {
    for (const { path } of specs) await assertFound(path, options.splits);
    const opened: NamedDataset[] = [];
    try {
      // One after the other: each uses all threads.
      for (const spec of specs) {
        const shapes = { ...options.shapes, map: spec.map ?? options.shapes.map };
        const indexDir = spec.isTemporary ? 'none' : options.indexDir;
        const { isRecordings = false } = spec;
        const kind = isSeveral(spec.path) && !isRecordings ? await loadParts() : ServedDataset;
        const own = isRecordings ? RECORDINGS : { shapes };
        const served: Served = await kind.open(
          spec.path,
          { ...options, ...own, indexDir, notices: noticesOf(spec) },
          signal,
        );
        opened.push({ ...spec, served });
      }
      for (const id of stored?.names ?? []) {
        const { connection, prefix } = stored as StoredModels;
        const { ServedStore } = await import('./served-store.js');
        const spec = { id, path: STORE_PATH };
        opened.push({ ...spec, served: await ServedStore.open(id, connection, prefix, noticesOf(spec)) });
      }
    } catch (error) {
      for (const { served } of opened) served.close();
      throw error;
    }
    return new ServedDatasets(opened);
  }

  /**
   * Resolves when all datasets can be served: see `ServedDataset.start`.
   *
   * @returns settles when all files were walked completely
   * @throws DatasetError
   */
  async start(): Promise<{ readonly walked: Promise<unknown> }> {
    const walks: Promise<void>[] = [];
    const start = async ({ served }: NamedDataset) => {
      const { walked } = await served.start();
      // One walk may fail while another dataset is still starting: the caller gets the error after all have started.
      walked.catch(() => undefined);
      walks.push(walked);
    };
    await Promise.all(this.all.map(start));
    return { walked: Promise.all(walks) };
  }

  /** The metrics of each dataset, by model id. */
  get figures(): ReadonlyMap<string, DatasetFigures> {
    return new Map(this.all.map(({ id, served }) => [id, served.figures]));
  }

  /** The walked share of all files: 0 to 1. */
  get progress(): number {
    const walked = this.all.reduce((sum, { served }) => sum + served.bytes * served.status.progress, 0);
    return walked / Math.max(1, this.bytes);
  }

  /** The size of all files together. */
  get bytes(): number {
    return this.all.reduce((sum, { served }) => sum + served.bytes, 0);
  }

  /** Checks whether the files have changed. */
  lookAtFiles(): void {
    for (const { served } of this.all) served.lookAtFile();
  }

  /** Stops all work, releases the threads, and closes the files. */
  async close(): Promise<void> {
    await Promise.all(this.all.map(({ served }) => served.close()));
  }
}

/** Loads what only datasets of several files need. */
async function loadParts(): Promise<typeof ServedParts> {
  return (await import('./served-parts.js')).ServedParts;
}

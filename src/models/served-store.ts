import { AppError } from '../core/errors.js';
import { STORE_CHECK_MS, STORE_START_MS } from '../core/limits.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import type { Corpus } from '../corpus/corpus.js';
import { NOTHING_COUNTED } from '../dataset/counts.js';
import type { Dataset } from '../dataset/dataset.js';
import { queryKernel } from '../kernel/kernel.js';
import type { Candidates, NearestQuery } from '../lookup/lookup.js';
import { StoredLookup, type VersionSource } from '../lookup/stored.js';
import { STORED_FORMAT, type StoredVersion } from '../lookup/stored-version.js';
import type { StoreConnection } from '../store/connection.js';
import { DatasetKeys } from '../store/dataset-keys.js';
import { StoreAwayError, StoreRefusalError } from '../store/store-error.js';
import type { Notices } from './notices.js';
import type { DatasetFigures, DatasetSize, Saved, Served, Status } from './served.js';

/** A dataset in a store. It serves the version that the store has, and a newer one soon after that is whole. */
export class ServedStore implements Served, VersionSource {
  readonly lookup: StoredLookup;
  readonly corpus: Corpus = NO_CORPUS;
  /** The files that are served: none. */
  readonly datasets: readonly Dataset[] = [];
  /** Other processes have no saved index of it to answer from. */
  readonly state = undefined;
  private readonly name: string;
  private readonly key: string;
  private readonly connection: StoreConnection;
  private readonly notices: Notices;
  private version: StoredVersion | undefined;
  /** What the store has of the version; empty before it has answered. */
  private text = '';
  private timer: NodeJS.Timeout | undefined;
  /** True if the store was reached, and has no such dataset. */
  private isMissing = false;
  /** Why the store last refused to say which version it has. */
  private refusal = '';

  private constructor(name: string, connection: StoreConnection, prefix: string, notices: Notices) {
    const keys = new DatasetKeys(prefix);
    this.name = name;
    this.key = keys.versionOf(name);
    this.connection = connection;
    this.notices = notices;
    this.lookup = new StoredLookup(connection, keys, this, queryKernel());
  }

  /**
   * Opens a dataset. Waits for the store for a moment; if it is away for longer, the dataset is unavailable until it is there.
   *
   * @param prefix the beginning of all keys
   */
  static async open(
    name: string,
    connection: StoreConnection,
    prefix: string,
    notices: Notices,
  ): Promise<ServedStore> {
    const served = new ServedStore(name, connection, prefix, notices);
    const endMs = performance.now() + STORE_START_MS;
    do await served.check();
    while (served.text === '' && !served.isMissing && performance.now() < endMs);
    return served;
  }

  get now(): StoredVersion | undefined {
    return this.version;
  }

  /** @throws StoreAwayError */
  async refresh(): Promise<void> {
    const reply = await this.connection.call(this.key, ['GET', this.key]);
    const text = reply === null ? '' : String(reply);
    this.refusal = '';
    this.noteMissing(text === '');
    if (text === '' || text === this.text) return;
    this.text = text;
    const version = versionIn(text);
    const before = this.version?.id;
    if (version === undefined) {
      this.notices.warn(
        { dataset: this.name },
        'dataset in the store has a format of another release; load it again',
      );
      return;
    }
    this.version = version;
    if (before === undefined || before === version.id) return;
    this.notices.changed();
    this.notices.info({ dataset: this.name, version: version.id }, 'dataset has a new version in the store');
  }

  private noteMissing(isMissing: boolean): void {
    if (isMissing && !this.isMissing)
      this.notices.warn({ dataset: this.name }, "dataset isn't in the store; waiting for verbatim load");
    this.isMissing = isMissing;
  }

  get status(): Status {
    const { version } = this;
    return {
      isAvailable: version !== undefined && !this.isMissing && this.refusal === '' && this.connection.isUp,
      engine: 'store',
      progress: 1,
      counts: version?.counts ?? NOTHING_COUNTED,
    };
  }

  get figures(): DatasetFigures {
    return {
      sweeps: 0,
      lookups: 0,
      waiting: 0,
      indexRows: 0,
      indexBuildSeconds: 0,
      datasetBytes: this.bytes,
    };
  }

  get size(): DatasetSize {
    const files = this.version?.files ?? 0;
    return { bytes: this.bytes, files, indexBytes: undefined, modifiedMs: this.modifiedMs };
  }

  get fingerprint(): string | undefined {
    return this.version?.fingerprint;
  }

  get bytes(): number {
    return this.version?.bytes ?? 0;
  }

  get modifiedMs(): number {
    return this.version?.modifiedMs ?? 0;
  }

  async start(): Promise<{ readonly walked: Promise<void> }> {
    this.timer = setInterval(() => void this.check(), STORE_CHECK_MS);
    this.timer.unref();
    return { walked: Promise.resolve() };
  }

  similar(): undefined {
    return undefined;
  }

  sharing(_query: Query): MaybePromise<undefined> {
    return undefined;
  }

  /** @throws AppError if the search is awaited: a store has no nearest turns */
  candidates({ waits }: NearestQuery): Candidates {
    if (waits) throw new AppError('not_in_store');
    return [];
  }

  pauseBackgroundWork(): void {}

  lookAtFile(): void {
    void this.check();
  }

  async save(): Promise<Saved> {
    return { indexes: [], turnsCounted: 0 };
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
  }

  /** Looks for a new version. While the store is away, or refuses, the current one stays. */
  private async check(): Promise<void> {
    await this.refresh().catch(async (error: unknown) => {
      if (error instanceof StoreRefusalError) this.noteRefusal(error.message);
      else if (!(error instanceof StoreAwayError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, STORE_CHECK_MS / 20));
    });
  }

  private noteRefusal(reason: string): void {
    if (reason !== this.refusal) this.notices.warn({ dataset: this.name, reason }, 'store refused a command');
    this.refusal = reason;
  }
}

/** @returns undefined if the format isn't this program's */
function versionIn(text: string): StoredVersion | undefined {
  try {
    const version = JSON.parse(text) as StoredVersion;
    return version.format === STORED_FORMAT ? version : undefined;
  } catch {
    return undefined;
  }
}

const refuse = () => Promise.reject(new AppError('not_in_store'));

/** Conversations that can't be looked at. */
const NO_CORPUS: Corpus = {
  total: undefined,
  conversations: refuse,
  byId: refuse,
  conversation: refuse,
  // biome-ignore lint/correctness/useYield: It fails before the first result.
  async *search() {
    throw new AppError('not_in_store');
  },
  repeated: refuse,
};

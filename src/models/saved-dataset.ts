import { AppError } from '../core/errors.js';
import { firstFound, type MaybePromise, orElse } from '../core/maybe-promise.js';
import { PassedOn } from '../core/passed-on.js';
import type { Query } from '../core/query.js';
import type { Corpus } from '../corpus/corpus.js';
import { NOTHING_COUNTED } from '../dataset/counts.js';
import type { Dataset } from '../dataset/dataset.js';
import { FileChangedError, isSameFile, isSystemError } from '../dataset/file.js';
import { loadIndex } from '../index/saved-index.js';
import type { IndexTable } from '../index/table.js';
import { queryKernel } from '../kernel/kernel.js';
import { CurrentLookup } from '../lookup/current.js';
import { Edition } from '../lookup/edition.js';
import { LayeredLookup } from '../lookup/layered.js';
import type { Candidates, Lookup, Match, Sharing, Similar } from '../lookup/lookup.js';
import type { Answering, DatasetSize, Published, PublishedPart, Status } from './served.js';

/** A part that is open. */
interface Opened {
  readonly edition: Edition;
  readonly lookup: CurrentLookup;
}

/**
 * A dataset that another process serves: it answers from the saved indexes of that process, and from nothing else. What it can't answer is
 * passed on: see `PassedOn`.
 */
export class SavedDataset implements Answering {
  readonly lookup: Lookup;
  private readonly tokenizer: string;
  private readonly hasRules: boolean;
  private readonly trapped: (trap: WebAssembly.RuntimeError) => void;
  private readonly kernel = queryKernel();
  private parts: readonly Opened[] = [];
  private published: Published | undefined;
  /** The state that is loaded, or being loaded. */
  private wanted: Published | undefined;

  /**
   * @param tokenizer the id of the tokenizer that has counted the tokens in the indexes
   * @param hasRules true if rules are applied to prompts that aren't found: the other process does it
   * @param trapped called when the kernel has trapped and was replaced
   */
  constructor(tokenizer: string, hasRules: boolean, trapped: (trap: WebAssembly.RuntimeError) => void) {
    this.tokenizer = tokenizer;
    this.hasRules = hasRules;
    this.trapped = trapped;
    const layered = new LayeredLookup(() => this.parts);
    this.lookup = {
      isImmediate: true,
      find: (query, signal) => orElse(() => this.findIn(layered, query, signal), passOn),
    };
  }

  /**
   * Answers from another state of the dataset from now on.
   *
   * @returns false if one of its indexes can't be loaded, or a file has changed: then it answers nothing
   */
  async use(published: Published | undefined): Promise<boolean> {
    if (published !== undefined && areSame(published, this.published)) return true;
    this.leave();
    this.wanted = published;
    if (published === undefined) return false;
    const opened: Opened[] = [];
    const isWhole = await this.open(published, opened);
    if (!isWhole || this.wanted !== published) {
      closeAll(opened);
      return false;
    }
    this.parts = opened;
    this.published = published;
    return true;
  }

  /**
   * Opens all parts.
   *
   * @param opened gets those that could be opened
   * @returns false if one can't be: then the main process sends another state
   */
  private async open({ parts }: Published, opened: Opened[]): Promise<boolean> {
    try {
      for (const segments of byFile(parts)) {
        const tables: IndexTable[] = [];
        for (const { dataset, indexPath } of segments) {
          const index = await loadIndex(indexPath, dataset, this.tokenizer);
          if (index === undefined || typeof index === 'string' || index.end !== dataset.body.end)
            return false;
          tables.push(index.table);
        }
        const part = this.opened(wholeOf(segments));
        opened.push(part);
        part.edition.useIndex(tables);
      }
      return true;
    } catch (error) {
      if (error instanceof FileChangedError || isSystemError(error)) return false;
      throw error;
    }
  }

  /** Answers nothing from now on. */
  leave(): void {
    closeAll(this.parts);
    this.parts = [];
    this.published = undefined;
  }

  private opened(dataset: Dataset): Opened {
    const edition = new Edition(dataset, this.kernel);
    const events = { lookAtFile: () => {}, trapped: this.trapped };
    return { edition, lookup: new CurrentLookup(edition, this.kernel, events) };
  }

  private findIn(
    layered: Lookup,
    query: Query,
    signal: (() => AbortSignal) | undefined,
  ): MaybePromise<Match | undefined> {
    if (this.published === undefined) throw new PassedOn();
    const found = layered.find(query, signal);
    if (!this.hasRules) return found;
    const passMiss = (match: Match | undefined) => match ?? pass();
    return found instanceof Promise ? found.then(passMiss) : passMiss(found);
  }

  get fingerprint(): string | undefined {
    return this.published?.fingerprint;
  }

  get modifiedMs(): number {
    return this.published?.modifiedMs ?? 0;
  }

  get status(): Status {
    const isAvailable = this.published !== undefined;
    const { counts = NOTHING_COUNTED } = this.published ?? {};
    return { isAvailable, engine: 'index', progress: 1, counts };
  }

  get corpus(): Corpus {
    return pass();
  }

  get size(): DatasetSize {
    return pass();
  }

  similar(query: Query, signal?: () => AbortSignal): MaybePromise<Similar | undefined> {
    return firstFound(this.parts, ({ lookup }) => lookup.similar(query, signal));
  }

  sharing(): MaybePromise<Sharing | undefined> {
    return pass();
  }

  candidates(): MaybePromise<Candidates> {
    return pass();
  }

  pauseBackgroundWork(): void {}
}

/** The published parts of each file: segments of one file follow each other. */
function byFile(parts: Published['parts']): Published['parts'][] {
  const files: PublishedPart[][] = [];
  for (const part of parts) {
    const last = files.at(-1);
    if (last?.[0]?.dataset.file.path === part.dataset.file.path) last.push(part);
    else files.push([part]);
  }
  return files;
}

/** The file of consecutive segments. One that has grown has changed: the other process answers then. */
function wholeOf(segments: Published['parts']): Dataset {
  const [first] = segments as readonly [PublishedPart];
  const last = segments.at(-1) as PublishedPart;
  const file = { ...first.dataset.file, mayGrow: false };
  return { ...first.dataset, file, body: { start: first.dataset.body.start, end: last.dataset.body.end } };
}

function closeAll(parts: readonly Opened[]): void {
  for (const { edition } of parts) edition.close();
}

/** True if both are the same state of the same files. */
function areSame({ parts }: Published, other: Published | undefined): boolean {
  return (
    parts.length === other?.parts.length &&
    parts.every(({ dataset, indexPath }, i) => {
      const part = other.parts[i];
      return part?.indexPath === indexPath && isSameFile(part.dataset.file, dataset.file);
    })
  );
}

function pass(): never {
  throw new PassedOn();
}

/** A file that has changed is read by the main process. */
function passOn(error: unknown): never {
  throw error instanceof AppError && error.status >= 500 ? new PassedOn() : error;
}

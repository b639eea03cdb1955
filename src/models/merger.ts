import { INDEX_SEGMENTS_LEFT, INDEX_SEGMENTS_MAX, INDEXED_HERE_TURNS_MAX } from '../core/limits.js';
import type { Dataset } from '../dataset/dataset.js';
import { DatasetError } from '../dataset/dataset-error.js';
import { firstToMerge } from '../index/merging.js';
import { ownThread } from '../workers/own-thread.js';
import type { SharedPool } from '../workers/shared-pool.js';
import { mergeSegments } from './merging.js';
import type { Segment } from './segment.js';

/** Merges the segments of a file that grows, so that there are never many: short ones at once, long ones in the background. */
export class Merger {
  private readonly pool: SharedPool;
  private readonly onMerged: (segments: readonly Segment[], merged: Segment) => void;
  /** The segments that are being merged in the background. */
  private merging: readonly Segment[] = [];
  private running: Promise<void> = Promise.resolve();
  private isArranging = false;
  /** What was merged in the background while others were arranged. */
  private meanwhile: { readonly segments: readonly Segment[]; readonly merged: Segment } | undefined;

  /** @param onMerged called with segments that were merged in the background, and what they have become */
  constructor(pool: SharedPool, onMerged: (segments: readonly Segment[], merged: Segment) => void) {
    this.pool = pool;
    this.onMerged = onMerged;
  }

  /** Resolves when no threads are merging. */
  get ended(): Promise<void> {
    return this.running;
  }

  /**
   * The segments of a file, some of them merged. Merges in the background may follow.
   *
   * @param segments in file order, the last of which may be new
   */
  async arranged(dataset: Dataset, segments: readonly Segment[]): Promise<readonly Segment[]> {
    // Those that are being merged, and those before them, stay as they are.
    const last = this.merging.at(-1);
    const from = last === undefined ? 0 : segments.indexOf(last) + 1;
    const left = from === 0 ? INDEX_SEGMENTS_LEFT : INDEX_SEGMENTS_MAX - from;
    const sizes = segments.slice(from).map(({ turns }) => turns);
    if (sizes.length < 2) return segments;
    const first = from + firstToMerge(sizes, Math.max(1, left), from === 0);
    const [one, ...others] = segments.slice(first);
    if (one === undefined || others.length === 0) return segments;
    const turns = others.reduce((sum, { turns }) => sum + turns, one.turns);
    const isShort = turns <= INDEXED_HERE_TURNS_MAX;
    if (!isShort && last === undefined && segments.length < INDEX_SEGMENTS_MAX) {
      this.mergeLater(dataset, [one, ...others]);
      return segments;
    }
    this.isArranging = true;
    const merged = await this.merged(dataset, [one, ...others], isShort);
    this.isArranging = false;
    const arranged = merged === undefined ? segments : [...segments.slice(0, first), merged];
    const { meanwhile } = this;
    this.meanwhile = undefined;
    return meanwhile === undefined ? arranged : withMerged(arranged, meanwhile.segments, meanwhile.merged);
  }

  private mergeLater(dataset: Dataset, segments: readonly [Segment, ...Segment[]]): void {
    this.merging = segments;
    const merge = async () => {
      const merged = await this.merged(dataset, segments, false);
      this.merging = [];
      if (merged === undefined) return;
      if (this.isArranging) this.meanwhile = { segments, merged };
      this.onMerged(segments, merged);
    };
    this.running = merge();
  }

  /** Undefined if it fails: they are merged later. */
  private async merged(
    dataset: Dataset,
    segments: readonly [Segment, ...Segment[]],
    isShort: boolean,
  ): Promise<Segment | undefined> {
    if (isShort) return mergeSegments(dataset, segments, ownThread()).catch(ignoreFailure);
    try {
      return await mergeSegments(dataset, segments, this.pool.take()).catch(ignoreFailure);
    } finally {
      await this.pool.give();
    }
  }
}

/** Segments with a merged one instead of those that it was made of; the same if they don't have these. */
export function withMerged(
  segments: readonly Segment[],
  parts: readonly Segment[],
  merged: Segment,
): readonly Segment[] {
  const at = segments.indexOf(parts[0] as Segment);
  return at < 0 ? segments : [...segments.slice(0, at), merged, ...segments.slice(at + parts.length)];
}

/** @throws any other error than that of a task */
function ignoreFailure(error: unknown): undefined {
  if (!(error instanceof DatasetError)) throw error;
}

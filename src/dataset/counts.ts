import type { ByteOffset } from '../core/bytes.js';
import { HISTOGRAM_BUCKETS, type Histograms } from '../core/histogram.js';
import { SKIPPED_OFFSETS_MAX } from '../core/limits.js';
import type { Role } from '../core/roles.js';
import { byFrequency } from './conversion-report.js';
import { type Dataset, withDataset } from './dataset.js';
import { DatasetError, EXPECTED_DATASET } from './dataset-error.js';
import { describeSampled, refusalText } from './refusal.js';
import { recordsAt } from './sample.js';

/** What a shard, or several shards, contain, in numbers. */
export interface Counts {
  /** Conversations and skipped records. */
  readonly records: number;
  readonly conversations: number;
  readonly turns: number;
  /** Turns that have a reply: all but the last of each conversation. */
  readonly replies: number;
  /** Elements of lists of turns that aren't turns. */
  readonly leftOut: number;
  /** Records that aren't conversations. */
  readonly skipped: number;
  /** Turns by whose they are. */
  readonly roles: Readonly<Record<Role, number>>;
  readonly histograms: Histograms;
  /** The offsets of the first skipped records, for the log. */
  readonly skippedAt: readonly ByteOffset[];
  /** A short prompt that has a reply, as an example for people; undefined if there is no such prompt. */
  readonly example: string | undefined;
}

const NO_BUCKETS: readonly number[] = new Array<number>(HISTOGRAM_BUCKETS).fill(0);

/** The counts before the first record. */
export const NOTHING_COUNTED: Counts = {
  records: 0,
  conversations: 0,
  turns: 0,
  replies: 0,
  leftOut: 0,
  skipped: 0,
  roles: { assistant: 0, user: 0, system: 0, tool: 0 },
  histograms: { turns: NO_BUCKETS, lengths: NO_BUCKETS },
  skippedAt: [],
  example: undefined,
};

/** The counts of a file's beginning and of what follows. */
export function addCounts(one: Counts, other: Counts): Counts {
  const add = (some: readonly number[], more: readonly number[]) =>
    some.map((count, i) => count + (more[i] ?? 0));
  return {
    records: one.records + other.records,
    conversations: one.conversations + other.conversations,
    turns: one.turns + other.turns,
    replies: one.replies + other.replies,
    leftOut: one.leftOut + other.leftOut,
    skipped: one.skipped + other.skipped,
    roles: {
      assistant: one.roles.assistant + other.roles.assistant,
      user: one.roles.user + other.roles.user,
      system: one.roles.system + other.roles.system,
      tool: one.roles.tool + other.roles.tool,
    },
    histograms: {
      turns: add(one.histograms.turns, other.histograms.turns),
      lengths: add(one.histograms.lengths, other.histograms.lengths),
    },
    skippedAt: [...one.skippedAt, ...other.skippedAt].slice(0, SKIPPED_OFFSETS_MAX),
    example: one.example ?? other.example,
  };
}

/**
 * Rejects a dataset without a conversation.
 *
 * @param counts the contents of the whole dataset
 * @throws DatasetError
 */
export function assertNotEmpty(dataset: Dataset, { conversations, skipped, skippedAt }: Counts): void {
  if (conversations > 0) return;
  const { path } = dataset.source;
  if (skipped === 0) {
    throw new DatasetError(path, `valid JSON, but an empty list; expected ${EXPECTED_DATASET}`);
  }
  const records = withDataset(dataset, (fd) => recordsAt(fd, dataset, skippedAt)).map(describeSampled);
  const reasons: Record<string, number> = {};
  for (const { reason } of records) {
    reasons[reason] = (reasons[reason] ?? 0) + 1;
  }
  const [firstSkipped] = records;
  // If there are more than were looked at, their number isn't known.
  const [common] = byFrequency(reasons);
  const named = skipped === records.length ? reasons : common && { [common[0]]: skipped };
  throw new DatasetError(path, refusalText({ records: skipped, reasons: named ?? {}, firstSkipped }));
}

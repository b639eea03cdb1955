import type { ByteOffset } from '../core/bytes.js';
import { byFrequency } from './conversion-report.js';
import { type Dataset, withDataset } from './dataset.js';
import { DatasetError } from './dataset-error.js';
import { describeSampled, refusalText } from './refusal.js';
import { recordsAt } from './sample.js';
import { EXPECTED_DATASET } from './sources.js';

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
  /** The offsets of the first skipped records, for the log. */
  readonly skippedAt: readonly ByteOffset[];
  /** A short prompt that has a reply, as an example for people; undefined if there is no such prompt. */
  readonly example: string | undefined;
}

/** The counts before the first record. */
export const NOTHING_COUNTED: Counts = {
  records: 0,
  conversations: 0,
  turns: 0,
  replies: 0,
  leftOut: 0,
  skipped: 0,
  skippedAt: [],
  example: undefined,
};

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

import type { ByteOffset } from '../core/bytes.js';
import { LIST_KEYS } from '../core/conversation.js';
import { counted } from '../core/counted.js';
import { type Dataset, withDataset } from './dataset.js';
import { DatasetError } from './dataset-error.js';
import { EXPECTED_DATASET } from './sources.js';

/** What a shard, or several shards, contain, in numbers. */
export interface Counts {
  readonly conversations: number;
  readonly turns: number;
  /** Records that aren't conversations. */
  readonly skipped: number;
  /** The offsets of the first skipped records, for the log. */
  readonly skippedAt: readonly ByteOffset[];
  /** A short prompt that has a reply, as an example for people; undefined if there is no such prompt. */
  readonly example: string | undefined;
}

/** The counts before the first record. */
export const NOTHING_COUNTED: Counts = {
  conversations: 0,
  turns: 0,
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
export async function assertNotEmpty(dataset: Dataset, { conversations, skipped }: Counts): Promise<void> {
  if (conversations > 0) return;
  const { path } = dataset.file;
  if (skipped === 0) {
    throw new DatasetError(path, `valid JSON, but an empty list; expected ${EXPECTED_DATASET}`);
  }
  // Loads stream-json, which no other start needs.
  const { firstRecords, listedKeys } = await import('./first-records.js');
  const { keys, isList } = withDataset(dataset, (fd) => firstRecords(fd, dataset));
  const what = dataset.format === 'lines' && skipped > 1 ? 'valid JSON lines' : 'valid JSON';
  const problem = `${what}, but no conversation in ${counted(skipped, 'record')}`;
  const found = isList
    ? 'the first record is a list; expected an object with the list as its "conversations" or "messages"'
    : `found ${listedKeys(keys)}; expected ${expectedWith(keys)}`;
  throw new DatasetError(path, `${problem}: ${found}`);
}

/** What a record with these keys must have to be a conversation, for the error. */
function expectedWith(keys: readonly string[]): string {
  const list = LIST_KEYS.find((key) => keys.includes(key));
  if (list === undefined) return '"conversations" or "messages"';
  return `"${list}" to be a list of objects with "from" and "value", or "role" and "content"`;
}

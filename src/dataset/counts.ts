import type { ByteOffset } from '../core/bytes.js';
import { counted } from '../core/counted.js';
import { type Dataset, DatasetError } from './dataset.js';
import { EXPECTED_DATASET } from './sources.js';

/** What a shard holds, or several do. */
export interface Counts {
  readonly conversations: number;
  readonly turns: number;
  /** Records that are no conversations. */
  readonly skipped: number;
  /** Where the first few of them stand. */
  readonly skippedAt: readonly ByteOffset[];
  /** A short prompt that has a reply, to show to people; undefined if there is none. */
  readonly example: string | undefined;
}

/** Before anything was counted. */
export const NOTHING_COUNTED: Counts = {
  conversations: 0,
  turns: 0,
  skipped: 0,
  skippedAt: [],
  example: undefined,
};

/**
 * Says no to a dataset that can't be served: one without a conversation.
 *
 * @param counts what all of it holds
 * @throws DatasetError
 */
export function assertNotEmpty({ file }: Dataset, { conversations, skipped, skippedAt }: Counts): void {
  if (conversations > 0) return;
  const found = skipped === 0 ? 'an empty list' : `${counted(skipped, 'record')}, and no conversation`;
  throw new DatasetError(file.path, `found ${found}; expected ${EXPECTED_DATASET}`, skippedAt[0]);
}

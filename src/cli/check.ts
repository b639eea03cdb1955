import { type Block, type ByteOffset, byteOffset } from '../core/bytes.js';
import { parseConversation } from '../core/conversation.js';
import { counted } from '../core/counted.js';
import { DatasetSyntaxError } from '../core/errors.js';
import { type TextPosition, textPositionAfter } from '../core/text-position.js';
import { assertNotEmpty, type Counts } from '../dataset/counts.js';
import { type Dataset, openDataset, printable, withDataset } from '../dataset/dataset.js';
import { readBlocks } from '../dataset/file.js';
import { type ReadFrom, readRecords } from '../dataset/records.js';
import type { Progress } from '../http/progress.js';

/** What a file holds, or where it is not valid: one line for people. */
export interface Verdict {
  readonly isValid: boolean;
  readonly line: string;
}

/**
 * Reads all of a dataset with the reader that has the last word on what is valid.
 *
 * @throws DatasetError if the file can't be read, or can't be served for another reason than a byte that is not valid
 */
export function check(path: string, progress: Progress): Verdict {
  const dataset = openDataset(path);
  try {
    return withDataset(dataset, (fd) => {
      const read = (start: ByteOffset, end: ByteOffset) => readBlocks(fd, { start, end });
      const positionOf = (offset: ByteOffset) => textPositionAfter(read(byteOffset(0), offset));
      try {
        const counts = countRecords(dataset, (start) => shown(read(start, dataset.body.end)));
        assertNotEmpty(dataset, counts);
        return { isValid: true, line: `${printable(path)}: ${summaryOf(counts, positionOf)}` };
      } catch (error) {
        if (!(error instanceof DatasetSyntaxError)) throw error;
        const { line, column } = positionOf(error.offset);
        const place = `${printable(path)}:${line}:${column}`;
        return { isValid: false, line: `${place}: ${error.message} (byte ${error.offset})` };
      }
    });
  } finally {
    progress.end();
  }

  function* shown(blocks: Iterable<Block>): Generator<Block, void> {
    for (const block of blocks) {
      progress.show(block.offset / dataset.body.end, dataset.body.end);
      yield block;
    }
  }
}

/** @throws DatasetSyntaxError */
function countRecords(dataset: Dataset, readFrom: ReadFrom): Counts {
  let conversations = 0;
  let turns = 0;
  let skipped = 0;
  const skippedAt: ByteOffset[] = [];
  for (const { offset, value } of readRecords(readFrom, dataset)) {
    const conversation = parseConversation(value);
    if (conversation !== undefined) {
      conversations++;
      turns += conversation.turns.length;
    } else {
      skipped++;
      if (skippedAt.length === 0) skippedAt.push(offset);
    }
  }
  return { conversations, turns, skipped, skippedAt, example: undefined };
}

function summaryOf(
  { conversations, turns, skipped, skippedAt: [first] }: Counts,
  positionOf: (offset: ByteOffset) => TextPosition,
): string {
  const parts = [counted(conversations, 'conversation'), counted(turns, 'turn')];
  if (first !== undefined) {
    const what = counted(skipped, 'record that is no conversation', 'records that are no conversations');
    const place = `at line ${positionOf(first).line}, byte ${first}`;
    parts.push(`${what} (${skipped === 1 ? place : `the first ${place}`})`);
  }
  return parts.join(', ');
}

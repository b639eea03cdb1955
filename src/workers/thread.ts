/** What a worker thread runs: each exported function is a task of the pool. */

import { type Block, BYTE, type ByteOffset, type ByteRange } from '../core/bytes.js';
import { type Conversation, parseConversation, type Turn } from '../core/conversation.js';
import { DatasetSyntaxError, type Failure } from '../core/errors.js';
import { EXAMPLE_LENGTH_MAX, SKIPPED_OFFSETS_MAX } from '../core/limits.js';
import { bestGrade, matchConversation } from '../core/match.js';
import { type RangeSurvey, Survey } from '../core/survey.js';
import { FileChangedError, type FileIdentity, readBlocks, withFile } from './file.js';
import { type DatasetRecord, readRecords } from './records.js';
import { isStopped, type StopFlag, stopAfter } from './stop-flag.js';
import type { Counts, FindResult, FindTask, Outcome, RangeTask, ShardCandidate, ShardTask } from './tasks.js';

/** Reads a block of the range at a time, until the task is stopped. */
type ReadRange = (range: ByteRange) => Iterable<Block>;

/** Thrown inside a task that nobody waits for any more. */
class StoppedError extends Error {
  override readonly name = 'StoppedError';
}

/** Reads a range of an array under both hypotheses. */
export function surveyRange({ file, range, stop }: RangeTask): Outcome<RangeSurvey> {
  return attempt(file, stop, 0, (read) => {
    const survey = new Survey();
    for (const { bytes, offset } of read(range)) survey.push(bytes, offset);
    return survey.result();
  });
}

/** Finds the offset after the first line feed of a range of JSON lines; undefined if it has none. */
export function findLineStart({ file, range, stop }: RangeTask): Outcome<number | undefined> {
  return attempt(file, stop, 0, (read) => {
    for (const { bytes, offset } of read(range)) {
      const lineEnd = bytes.indexOf(BYTE.lineFeed);
      if (lineEnd >= 0) return offset + lineEnd + 1;
    }
    return undefined;
  });
}

/** Reads a shard through, and counts what it holds. */
export function countShard(task: ShardTask): Outcome<Counts> {
  return attempt(task.file, task.stop, task.shard.index, (read) => {
    let conversations = 0;
    let turns = 0;
    let skipped = 0;
    let example: string | undefined;
    const skippedAt: ByteOffset[] = [];
    for (const { value, offset } of recordsOf(task, read)) {
      const conversation = parseConversation(value);
      if (conversation === undefined) {
        skipped++;
        if (skippedAt.length < SKIPPED_OFFSETS_MAX) skippedAt.push(offset);
        continue;
      }
      conversations++;
      turns += conversation.turns.length;
      example ??= exampleOf(conversation);
    }
    return { conversations, turns, skipped, skippedAt, example };
  });
}

/** Reads a shard until nothing that follows could answer better than what was found here, or in an earlier shard. */
export function findInShard(task: FindTask): Outcome<FindResult> {
  const { query, shard, stop } = task;
  const unbeatable = bestGrade(query);
  return attempt(task.file, stop, shard.index, (read) => {
    let best: ShardCandidate | undefined;
    let records = 0;
    for (const { value } of recordsOf(task, read)) {
      const conversation = parseConversation(value);
      const candidate = conversation && matchConversation(query, conversation);
      if (candidate !== undefined && candidate.grade > (best?.grade ?? 0)) {
        best = { ...candidate, conversationId: conversation?.id, record: records };
        if (candidate.grade === unbeatable) {
          stopAfter(stop, shard.index);
          break;
        }
      }
      records++;
    }
    return { best, records };
  });
}

/** The records of a task's shard. */
function recordsOf({ shard, format }: ShardTask, read: ReadRange): Generator<DatasetRecord, void> {
  return readRecords((start) => read({ start, end: shard.range.end }), shard, format);
}

/** The first short prompt of one line that has a reply. */
function exampleOf({ turns }: Conversation): string | undefined {
  const isPresentable = ({ value }: Turn) =>
    value.length <= EXAMPLE_LENGTH_MAX && /^\P{Cc}*\S\P{Cc}*$/u.test(value);
  return turns.slice(0, -1).find(isPresentable)?.value;
}

/**
 * Runs a task on the open dataset, and makes its failure a value. The flag is looked at before anything is opened, and
 * before every block.
 */
function attempt<T>(
  file: FileIdentity,
  stop: StopFlag,
  shardIndex: number,
  use: (read: ReadRange) => T,
): Outcome<T> {
  const assertWanted = () => {
    if (isStopped(stop, shardIndex)) throw new StoppedError('nobody waits for this task any more');
  };
  try {
    assertWanted();
    const value = withFile(file, (fd) =>
      use(function* (range) {
        for (const block of readBlocks(fd, range)) {
          assertWanted();
          yield block;
        }
      }),
    );
    return { kind: 'done', value };
  } catch (error) {
    return failureOf(error);
  }
}

function failureOf(error: unknown): Failure {
  const detail = error instanceof Error ? error.message : String(error);
  if (error instanceof DatasetSyntaxError) {
    return { kind: 'failed', code: 'dataset_invalid', detail, offset: error.offset };
  }
  if (error instanceof FileChangedError) return { kind: 'failed', code: 'dataset_changed', detail };
  if (error instanceof Error && 'syscall' in error && 'code' in error) {
    return { kind: 'failed', code: 'dataset_unreadable', detail: `the file can't be read (${error.code})` };
  }
  return { kind: 'failed', code: 'worker_failed', detail };
}

import type { TaskFailure } from '../core/errors.js';
import { addCounts, assertNotEmpty, type Counts, NOTHING_COUNTED } from '../dataset/counts.js';
import { datasetErrorOf, textStart } from '../dataset/dataset.js';
import type { DatasetError } from '../dataset/dataset-error.js';
import { MarkList, Marks } from '../index/marks.js';
import {
  CONVERSATION,
  CONVERSATION_NUMBERS,
  IndexRows,
  IndexTable,
  type RowCounts,
  type RowData,
} from '../index/table.js';
import type { Workers } from '../workers/own-thread.js';
import type { ShardPlan } from '../workers/shard-run.js';
import type { StopFlag } from '../workers/stop-flag.js';
import type { ShardCensus } from '../workers/tasks.js';

/** The first complete walk over a dataset, or over a range of it: counts it, validates all of it, and fills an index. */
export class Census {
  private readonly plan: ShardPlan;
  private readonly workers: Workers;
  private readonly stop: StopFlag;
  private readonly recordsBefore: number | undefined;
  private readonly parts: RowData[] = [];
  private tableSize: RowCounts = { turns: 0, conversations: 0 };
  private total: Counts = NOTHING_COUNTED;
  private walkedTo: number;
  private readonly marked = new MarkList();

  /**
   * @param stop ends the walk early
   * @param recordsBefore for a range: how many records of the file come before it
   */
  constructor(plan: ShardPlan, workers: Workers, stop: StopFlag, recordsBefore?: number) {
    this.plan = plan;
    this.workers = workers;
    this.stop = stop;
    this.recordsBefore = recordsBefore;
    this.walkedTo = plan.dataset.body.start;
  }

  /** The fraction of the dataset that has been walked: 0 to 1. */
  get progress(): number {
    const { start, end } = this.plan.dataset.body;
    return end === start ? 1 : (this.walkedTo - start) / (end - start);
  }

  /** The counts so far. */
  get counts(): Counts {
    return this.total;
  }

  /** The marks of what was walked so far. */
  get marks(): Marks {
    return this.marked.marks(this.total.records, this.walkedTo);
  }

  /**
   * Walks the whole dataset.
   *
   * @param keepsTurns true to keep the turns for an index
   * @param onProgress is called each time that more is known
   * @throws DatasetError at the first invalid byte, when the dataset has no conversation, when the file can't be read, or when it was
   *     stopped
   */
  async take(keepsTurns: boolean, onProgress: (census: Census) => void): Promise<IndexTable | undefined> {
    const { dataset, seed } = this.plan;
    let failure: TaskFailure | undefined;
    const results = this.plan.run((shard) => {
      const hasExample = this.total.example !== undefined;
      return this.workers.takeCensus({ dataset, shard, seed, stop: this.stop, keepsTurns, hasExample });
    }, this.workers.workers);
    for await (const { result } of results) {
      if (result.kind === 'failed') {
        failure = result;
        break;
      }
      this.add(result.value);
      onProgress(this);
    }
    if (failure !== undefined) throw await this.errorOf(failure);
    // A range may have none, and a file of recordings may have none yet.
    if (this.recordsBefore === undefined && !dataset.skipsInvalid) assertNotEmpty(dataset, this.counts);
    return keepsTurns ? this.makeIndex() : undefined;
  }

  /**
   * Finds the position of a failure. Only the first failure in file order needs it: a task may also fail because its shard was cut wrong.
   */
  private async errorOf(failure: TaskFailure): Promise<DatasetError> {
    const { dataset } = this.plan;
    const { offset } = failure;
    if (offset === undefined) return datasetErrorOf(dataset, failure);
    const { file } = dataset;
    const found = await this.workers.findPosition({ file, offset, from: textStart(dataset) });
    if (found.kind === 'failed') return datasetErrorOf(dataset, found);
    return datasetErrorOf(dataset, failure, found.value);
  }

  private add({ counts, marks, rows, next }: ShardCensus): void {
    const { total } = this;
    if (rows !== undefined) this.addRows(rows, (this.recordsBefore ?? 0) + total.records);
    this.marked.append(new Marks(marks), total.records);
    this.total = addCounts(total, counts);
    this.walkedTo = next;
  }

  /** Adds a shard's rows. Numbers of turns and records that count from the shard's start are changed to count from the file's. */
  private addRows(data: RowData, recordsBefore: number): void {
    const { turns, conversations } = this.tableSize;
    const { conversations: numbers, size } = new IndexRows(data);
    for (let at = 0; at < numbers.length; at += CONVERSATION_NUMBERS) {
      const { firstTurn, idStart, idLength } = CONVERSATION;
      numbers[at + firstTurn] = (numbers[at + firstTurn] as number) + turns;
      if (numbers[at + idLength] === 0)
        numbers[at + idStart] = (numbers[at + idStart] as number) + recordsBefore;
    }
    this.parts.push(data);
    this.tableSize = { turns: turns + size.turns, conversations: conversations + size.conversations };
  }

  private async makeIndex(): Promise<IndexTable> {
    const table = IndexTable.allocate(this.tableSize, this.plan.seed);
    const { size, buffer } = table;
    const parts = this.parts.splice(0);
    const halves = (['turns', 'normalized'] as const).map((half) =>
      this.workers.makeIndex({ table: { size, buffer }, tables: [], parts, half }),
    );
    for (const result of await Promise.all(halves)) {
      if (result.kind === 'failed') throw datasetErrorOf(this.plan.dataset, result);
    }
    return table;
  }
}

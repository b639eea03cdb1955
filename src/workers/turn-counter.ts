import { parseTurn } from '../core/conversation.js';
import { BLOCK_BYTES } from '../core/limits.js';
import { parsePythonJson } from '../core/python-json.js';
import { readFully, withFileInSteps } from '../dataset/file.js';
import { IndexTable, LENGTH_MASK } from '../index/table.js';
import type { Kernel } from '../kernel/kernel.js';
import type { KernelTokenizer } from '../kernel/tokenizer.js';
import { isStopped } from './stop-flag.js';
import type { KernelCountTask } from './tasks.js';
import { tokenizerOf } from './vocabulary.js';

/** Counts the tokens of turns where they are in the file: the kernel spells their texts, and its tokenizer reads them like that. */
export class TurnCounter {
  /**
   * Counts the turns of a task that aren't counted yet, and stores the counts in the index once the file is known to be unchanged. Yields
   * after each turn; until the end, nothing else may use the kernel.
   *
   * @returns the first row that is left to count
   * @throws FileChangedError, what `node:fs` throws, or a trap, after which the kernel's memory is undefined
   */
  *count(task: KernelCountTask, kernel: Kernel): Generator<void, number> {
    const table = new IndexTable(task.table);
    const counts = new Map<number, number>();
    const next = yield* withFileInSteps(task.file, (fd) => this.countInto(counts, task, table, fd, kernel));
    for (const [row, tokens] of counts) table.setTokens(row, tokens);
    return next;
  }

  private *countInto(
    counts: Map<number, number>,
    { from, to, stop, vocabulary }: KernelCountTask,
    table: IndexTable,
    fd: number,
    kernel: Kernel,
  ): Generator<void, number> {
    const tokenizer = tokenizerOf(vocabulary);
    const turns = new TurnBlocks(fd, kernel, endOf(table, to - 1));
    try {
      let row = from;
      for (let conversation = table.conversationOf(from); row < to && !isStopped(stop, 0); row++) {
        while (table.firstTurnOf(conversation + 1) <= row) conversation++;
        if (table.tokensOf(row) !== 0 || !table.isSpoken(row)) continue;
        const offset = table.offsetOf(conversation) + table.startOf(row);
        counts.set(row, turns.countAt(offset, table.lengthOf(row) & LENGTH_MASK, tokenizer));
        yield;
      }
      return row;
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) tokenizer.renew();
      throw error;
    }
  }
}

/** Where a turn ends in the file. */
function endOf(table: IndexTable, row: number): number {
  const start = table.offsetOf(table.conversationOf(row)) + table.startOf(row);
  return start + (table.lengthOf(row) & LENGTH_MASK);
}

/** The turns of a file, which is read block by block into the kernel's memory. */
class TurnBlocks {
  private readonly fd: number;
  private readonly kernel: Kernel;
  private readonly fileEnd: number;
  private readonly blockBytes: number;
  /** Where the block is in the file. */
  private start = 0;
  private end = 0;

  /** @param end where the last turn ends: nothing after it is read */
  constructor(fd: number, kernel: Kernel, end: number) {
    this.fd = fd;
    this.kernel = kernel;
    this.fileEnd = end;
    this.blockBytes = Math.min(BLOCK_BYTES, kernel.capacity);
  }

  /** The token count of the turn at an offset, whose length is in bytes. */
  countAt(offset: number, length: number, tokenizer: KernelTokenizer): number {
    if (length > this.blockBytes) return countParsed(this.longTurn(offset, length), tokenizer);
    if (offset < this.start || offset + length > this.end) this.read(offset);
    const { bytes, at } = this.kernel.verifyRoom;
    const start = at + offset - this.start;
    const spelled = this.kernel.spellTurn(start);
    if (spelled !== undefined) return tokenizer.countSpelled(spelled.bytes, spelled.at, spelled.length);
    return countParsed(bytes.toString('utf8', start, start + length), tokenizer);
  }

  private read(offset: number): void {
    const { bytes, at } = this.kernel.verifyRoom;
    const length = Math.min(this.blockBytes, this.fileEnd - offset);
    readFully(this.fd, bytes, offset, at, length);
    this.kernel.beginSpelling(length);
    this.start = offset;
    this.end = offset + length;
  }

  private longTurn(offset: number, length: number): string {
    const bytes = Buffer.allocUnsafeSlow(length);
    readFully(this.fd, bytes, offset);
    return bytes.toString();
  }
}

/** The token count of a turn that the kernel doesn't read: it is too long, or has an unusual shape. */
function countParsed(json: string, tokenizer: KernelTokenizer): number {
  return tokenizer.count(parseTurn(parsePythonJson(json))?.value ?? '');
}

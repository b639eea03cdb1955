import type { IndexPlace } from '../index/search.js';
import type { IndexTable } from '../index/table.js';
import type { MatchTokens, TokenCount } from './lookup.js';

/** The token counts of the turns that make up a match, read from the table that has them. */
export class RowTokens implements MatchTokens {
  readonly history: number;
  readonly reply: TokenCount;
  private readonly table: IndexTable;
  private readonly prompt: number;
  private readonly first: number;

  /**
   * @param place a place at which there is a match
   * @param turn the index of the prompt's turn in its conversation
   * @param areEqual false if the turns don't have exactly the texts of the messages: then the reply alone is counted
   */
  constructor({ table, firstRow, firstTurn, history }: IndexPlace, turn: number, areEqual: boolean) {
    this.table = table;
    this.prompt = firstRow + turn;
    this.first = areEqual ? firstRow + firstTurn : this.prompt + 1;
    this.history = history;
    this.reply = new RowCount(table, this.prompt + 1);
  }

  messages(): readonly TokenCount[] {
    const counts: TokenCount[] = [];
    // Empty turns aren't messages.
    for (let row = this.prompt; row >= this.first; row--)
      if (this.table.isSpoken(row)) counts.push(new RowCount(this.table, row));
    return counts;
  }
}

/** The token count of a row of a table. */
export class RowCount implements TokenCount {
  private readonly table: IndexTable;
  private readonly row: number;

  constructor(table: IndexTable, row: number) {
    this.table = table;
    this.row = row;
  }

  get tokens(): number {
    return this.table.tokensOf(this.row);
  }

  set tokens(tokens: number) {
    this.table.setTokens(this.row, tokens);
  }
}

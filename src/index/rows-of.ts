import {
  CONVERSATION,
  CONVERSATION_NUMBERS,
  IndexRows,
  IndexTable,
  ROW,
  ROW_NUMBERS,
  type RowData,
} from './table.js';

/** The rows of tables, one after the other. Each table numbers its rows from its own start, the result from that of the first table. */
export function rowsOf(tables: readonly RowData[]): readonly IndexRows[] {
  let turns = 0;
  return tables.map((data) => {
    const rows = rowsOfTable(new IndexTable(data), turns);
    turns += data.size.turns;
    return rows;
  });
}

/** @param before how many rows there are before those of the table */
function rowsOfTable({ size, rows, conversations, normalized }: IndexTable, before: number): IndexRows {
  const buffer = new SharedArrayBuffer(IndexRows.byteLength(size));
  const made = new IndexRows({ size, buffer });
  const { keys, starts, lengths, offsets, firstTurns, idStarts, idLengths } = made;
  made.normalized.set(normalized);
  for (let row = 0, at = 0; row < size.turns; row++, at += ROW_NUMBERS) {
    keys[2 * row] = rows[at + ROW.keyLow] as number;
    keys[2 * row + 1] = rows[at + ROW.keyHigh] as number;
    starts[row] = rows[at + ROW.start] as number;
    lengths[row] = rows[at + ROW.length] as number;
  }
  for (let i = 0, at = 0; i < size.conversations; i++, at += CONVERSATION_NUMBERS) {
    const high = conversations[at + CONVERSATION.offsetHigh] as number;
    offsets[i] = (conversations[at + CONVERSATION.offsetLow] as number) + high * 2 ** 32;
    firstTurns[i] = before + (conversations[at + CONVERSATION.firstTurn] as number);
    idStarts[i] = conversations[at + CONVERSATION.idStart] as number;
    idLengths[i] = conversations[at + CONVERSATION.idLength] as number;
  }
  return made;
}

import { CONVERSATION, CONVERSATION_NUMBERS, IndexTable, type NumberedRows, type RowData } from './table.js';

/** The rows of tables, one after the other. Each table numbers its rows from its own start, the result from that of the first table. */
export function rowsOf(tables: readonly RowData[]): readonly NumberedRows[] {
  let turns = 0;
  return tables.map((data) => {
    const { rows, normalized, conversations } = new IndexTable(data);
    const numbered = { rows, normalized, conversations: conversationsAfter(turns, conversations) };
    turns += data.size.turns;
    return numbered;
  });
}

/** A copy of the conversations of a table after which there are others. @param before how many turns there are before those of the table */
function conversationsAfter(before: number, conversations: Uint32Array): Uint32Array {
  const copy = conversations.slice();
  for (let at = CONVERSATION.firstTurn; at < copy.length; at += CONVERSATION_NUMBERS)
    copy[at] = (copy[at] as number) + before;
  return copy;
}

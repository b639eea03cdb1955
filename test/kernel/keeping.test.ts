/** What the kernel keeps of a walk for an index. */

import { expect, it } from 'vitest';
import { CONVERSATION, CONVERSATION_NUMBERS, IndexRows, ROW, ROW_NUMBERS } from '#dist/index/table.js';
import { newKernel } from '../support/dataset.js';

function recordOf(prompt: string): object {
  return {
    conversations: [
      { from: 'human', value: prompt },
      { from: 'gpt', value: 'reply' },
    ],
  };
}

/** The rows of conversations of a prompt and a reply each, as if their list began at an offset in the file. */
function rowsOf(prompts: Iterable<string>, offset: number): IndexRows {
  const bytes = Buffer.from(JSON.stringify(Array.from(prompts, recordOf)).slice(1));
  const kernel = newKernel();
  kernel.reserve(2 * bytes.length);
  kernel.input.set(bytes);
  kernel.wantAll();
  kernel.beginKeeping();
  kernel.beginWalk('array', true, bytes.length);
  for (let from = 0, kept = 0; from < bytes.length; from = kernel.walkedTo) {
    kernel.walk(from, bytes.length, bytes.length);
    kernel.keep(offset - kernel.inputStart, kept);
    kept += kernel.conversations;
  }
  return new IndexRows(kernel.kept());
}

it('has the offsets of records beyond four gigabytes', () => {
  const offset = 5 * 2 ** 32 + 7;
  const { conversations } = rowsOf(['one', 'two'], offset);
  const offsets = [0, 1].map((i) => {
    const at = i * CONVERSATION_NUMBERS;
    const high = conversations[at + CONVERSATION.offsetHigh] as number;
    return high * 2 ** 32 + (conversations[at + CONVERSATION.offsetLow] as number);
  });
  const length = JSON.stringify(recordOf('one')).length;
  expect(offsets).toEqual([offset, offset + length + 1]);
});

it('distinguishes texts of a template by their middles, also after tens of thousands of other texts', () => {
  const text = (start: string, middle: string) => `${start.padEnd(100, '.')} ${middle} ${'!'.repeat(100)}`;
  const ofTemplate = (count: number, from: number) =>
    Array.from({ length: count }, (_, i) => text('template', `middle ${from + i}`));
  const others = Array.from({ length: 33_000 }, (_, i) => text(`text ${i}`, ''));
  const { rows, normalized } = rowsOf([...ofTemplate(6, 0), ...others, ...ofTemplate(6, 6)], 0);
  const keys = Array.from({ length: rows.length / ROW_NUMBERS / 2 }, (_, i) => {
    const upper = (rows[2 * i * ROW_NUMBERS + ROW.start] as number) >>> 24;
    return `${normalized[2 * i]} ${upper}`;
  });
  const ends = keys[0];
  expect(keys[1]).toBe(ends);
  const later = [...keys.slice(2, 6), ...keys.slice(-6)];
  expect(new Set([ends, ...later]).size).toBe(1 + later.length);
});

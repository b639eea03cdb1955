import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Block, byteOffset } from '#dist/core/bytes.js';
import { textPositionAfter } from '#dist/core/text-position.js';
import { runs } from '../support/factor.js';

it('the position after a text counts lines, code points and bytes, wherever blocks end', () => {
  const text = fc.string({
    unit: fc.constantFrom(...'aaaaaabbbb"é語😀\n\r\t\ufeff'),
    maxLength: 200,
    size: 'max',
  });
  fc.assert(
    fc.property(fc.boolean(), text, fc.integer({ min: 1, max: 300 }), (hasMark, rest, blockBytes) => {
      const bytes = Buffer.from((hasMark ? '\ufeff[' : '[') + rest);
      const blocks: Block[] = [];
      for (let start = 0; start < bytes.length; start += blockBytes) {
        blocks.push({ bytes: bytes.subarray(start, start + blockBytes), offset: byteOffset(start) });
      }
      const lines = `[${rest}`.split('\n');
      expect(textPositionAfter(blocks)).toEqual({
        line: lines.length,
        column: [...(lines.at(-1) as string)].length + 1,
        offset: bytes.length,
      });
    }),
    runs(100),
  );
});

import { expect, it } from 'vitest';
import { textId } from '#dist/lookup/text-id.js';

it('gives long texts short, distinct ids', () => {
  const texts = Array.from({ length: 100 }, (_, i) => 'x'.repeat(20_000 + (i % 2)) + i);
  const ids = texts.map(textId);
  expect(new Set(ids).size).toBe(100);
  expect(Math.max(...ids.map((id) => id.length))).toBeLessThan(100);
  expect(textId('\ud800'.repeat(20_000))).not.toBe(textId('\ufffd'.repeat(20_000)));
});

/** Random conversations that the shapes can hold. */

import fc from 'fast-check';
import type { Turn } from '#dist/core/conversation.js';
import type { ShapeWriter } from './shape-writers.js';

/** Texts that no template's headers are in. Some are JSON, which isn't a message. */
const word = fc.constantFrom(
  'moss',
  'é',
  '世界',
  '😀',
  '\u2028',
  'a\nb',
  '5',
  '"',
  '\\',
  'x: y',
  '/',
  "it's",
);
const words = fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join(' ').trim() || 'moss');
const text = fc.oneof(
  { weight: 9, arbitrary: words },
  fc.constantFrom('{"a": 1}', '{"answer": 4}', '[1, 2]', '["a"]', '[]', '{', '['),
);
const spaced = fc
  .tuple(text, fc.constantFrom('', ' ', '\n'))
  .map(([said, space]) => `${space}${said}${space}`);

/** Conversations that a writer can write. */
export function conversationFor({ pairsMax, hasSystem, isExact }: ShapeWriter): fc.Arbitrary<Turn[]> {
  const said = isExact ? spaced : text;
  const pairs = fc.array(fc.tuple(said, said), { minLength: 1, maxLength: Math.min(pairsMax, 3) });
  return fc.tuple(hasSystem ? fc.option(said) : fc.constant(null), pairs).map(([system, all]): Turn[] => [
    ...(system === null ? [] : [{ from: 'system', value: system }]),
    ...all.flatMap(([asked, replied]) => [
      { from: 'user', value: asked },
      { from: 'assistant', value: replied },
    ]),
  ]);
}

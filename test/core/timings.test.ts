import { describe, expect, it } from 'vitest';
import { parseTimedTurn, parseTurn } from '#dist/core/conversation.js';
import { DELAY_MS_MAX, TIMINGS_MAX } from '#dist/core/limits.js';
import { parseTimings } from '#dist/core/timings.js';

const chunks = (count: number) => Array.from({ length: count }, (_, i) => [i, 1]);

describe('recorded times', () => {
  it.each([
    ['one chunk', [[0, 5]]],
    [
      'decimals',
      [
        [203.4, 5],
        [221.987_654, 6],
      ],
    ],
    [
      'chunks at the same time',
      [
        [1, 2],
        [1, 3],
      ],
    ],
    [
      'chunks without a text',
      [
        [1, 0],
        [2, 3],
        [3, 0],
      ],
    ],
    ['a day', [[DELAY_MS_MAX, 1]]],
    ['as many as are read', chunks(TIMINGS_MAX)],
  ])('are read: %s', (_what, value) => {
    expect(parseTimings(value)).toEqual(value);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a number', 5],
    ['a text', '[[1,2]]'],
    ['an object', { 0: [1, 2], length: 1 }],
    ['an empty list', []],
    ['numbers', [1, 2]],
    ['objects', [{ ms: 1, length: 2 }]],
    ['an entry of one number', [[1]]],
    ['an entry of three numbers', [[1, 2, 3]]],
    ['an entry that is null', [[1, 2], null]],
    ['a time that is a text', [['1', 2]]],
    ['a length that is a text', [[1, '2']]],
    ['a time that is null', [[null, 2]]],
    ['a length that is null', [[1, null]]],
    ['a time before the request', [[-0.1, 2]]],
    [
      'a time before the last one',
      [
        [2, 1],
        [1.9, 1],
      ],
    ],
    ['a time without end', [[Number.POSITIVE_INFINITY, 1]]],
    ['no number', [[Number.NaN, 1]]],
    ['more than a day', [[DELAY_MS_MAX + 1, 1]]],
    ['a negative length', [[1, -1]]],
    ['half a character', [[1, 1.5]]],
    ['a length without end', [[1, Number.POSITIVE_INFINITY]]],
    ['too many', chunks(TIMINGS_MAX + 1)],
  ])('are ignored: %s', (_what, value) => {
    expect(parseTimings(value)).toBeUndefined();
  });

  const call = (args: unknown) => ({ id: 'a', type: 'function', function: { name: 'f', arguments: args } });

  it.each<[string, number, object]>([
    ['its text, in UTF-16 code units', 3, { role: 'assistant', content: 'é😀' }],
    ['its parts', 3, { role: 'assistant', content: [{ type: 'text', text: 'a' }, 'x', { text: 'b' }] }],
    ['its reasoning and its text', 5, { role: 'assistant', content: 'ab', reasoning_content: 'abc' }],
    ['its reasoning alone', 3, { role: 'assistant', content: null, reasoning: 'abc' }],
    [
      'the arguments of its calls',
      9,
      { role: 'assistant', content: null, tool_calls: [call('{}'), call('{"a":1}')] },
    ],
    ['its text and the arguments', 4, { role: 'assistant', content: 'ab', tool_calls: [call({})] }],
    ['the arguments in a text', 8, { from: 'function_call', value: '{"name": "f", "arguments": {"a": 1}}' }],
    ['a text that is no call', 3, { from: 'function_call', value: 'abc' }],
    ['no text', 0, { role: 'assistant' }],
  ])('have the length of a turn: %s', (_what, length, fields) => {
    const timed = (each: number) =>
      parseTimedTurn({
        ...fields,
        timings: [
          [1, each],
          [2, 0],
        ],
      });
    expect(timed(length)).toEqual({
      ...parseTurn(fields),
      timings: [
        [1, length],
        [2, 0],
      ],
    });
    for (const other of [length - 1, length + 1, length + 2]) expect(timed(other)).toEqual(parseTurn(fields));
  });
});

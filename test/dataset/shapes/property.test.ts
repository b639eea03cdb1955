import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JOINED_SHAPES } from '#dist/dataset/shapes/joined.js';
import type { JsonRecord } from '#dist/dataset/shapes/record.js';
import { refusalOf } from '#dist/dataset/shapes/refusals.js';
import { isNative, SHAPES } from '#dist/dataset/shapes/shapes.js';
import { runs } from '../../support/factor.js';
import { conversationFor } from '../../support/shape-conversations.js';
import { WRITERS } from '../../support/shape-writers.js';
import { CHOSEN, readAll } from '../../support/shapes-read.js';

describe('any conversation', () => {
  it.each(WRITERS.map((writer, i) => [writer.shape, i] as const))(
    'is read back from %s (writer %i)',
    (_name, i) => {
      const writer = WRITERS[i] as (typeof WRITERS)[number];
      const { shape, write } = writer;
      fc.assert(
        fc.property(conversationFor(writer), (turns) => {
          const records = JSON.parse(JSON.stringify(write(turns))) as unknown[];
          const { names, conversations } = readAll(records);
          expect(names).toEqual([shape]);
          expect(conversations[0]?.turns).toEqual(turns);
        }),
        runs(50),
      );
    },
  );
});

/** All keys in the examples, and some that are read elsewhere. */
function keysIn(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    ...(Array.isArray(value) ? [] : [key]),
    ...keysIn(inner),
  ]);
}
const examples = [...SHAPES, ...JOINED_SHAPES].flatMap(({ example }) => example.split('\n'));
const keys = [
  ...new Set(examples.flatMap((each) => keysIn(JSON.parse(each)))),
  ...[
    'tool_calls',
    'function',
    'arguments',
    'toolInvocations',
    'children',
    'parentId',
    'kwargs',
    '__proto__',
  ],
  ...['toString', 'valueOf', 'constructor', 'winner_model_b', 'sessionId', 'preferred_output'],
  ...['refusal', 'output', 'type', 'toolUse', 'functionResponse', 'rank', 'history', 'winner', 'context'],
];

const json: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 7, depthIdentifier: 'json' },
    fc.constantFrom(
      ...[null, 0, 1, true, '', 'x', 'user', 'assistant', 'text', 'tool_use', 'tool-x', 'tool_result'],
      ...['[{"role":"user","content":"x"}]', '{"a":[', '[]', '### Instruction: x ### Response: y', '[INST]'],
      ...['function_call', 'function_call_output', 'message', 'system', 'human', 'summary', 'id1', 'id2'],
    ),
    fc.array(tie('value'), { maxLength: 4, depthIdentifier: 'json' }),
    fc
      .array(fc.tuple(fc.constantFrom(...keys), tie('value')), { maxLength: 5, depthIdentifier: 'json' })
      .map((entries) =>
        JSON.parse(`{${entries.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join(',')}}`),
      ),
  ),
})).value;

describe('any JSON', () => {
  const isRecord = (value: unknown) => typeof value === 'object' && value !== null;

  it('is read, or not, without an error, and has no conversation in which nothing is said', () => {
    fc.assert(
      fc.property(fc.array(json.filter(isRecord), { minLength: 1, maxLength: 5 }), (records) => {
        for (const { turns } of readAll(records).conversations) {
          expect(
            turns.every(({ from, value }) => typeof from === 'string' && typeof value === 'string'),
          ).toBe(true);
          expect(turns.some(({ value, calls }) => value !== '' || calls !== undefined)).toBe(true);
        }
        for (const record of records as JsonRecord[]) {
          isNative(record, CHOSEN);
          expect(refusalOf(record).reason).not.toBe('');
        }
      }),
      runs(2000),
    );
  });

  it('gives the same conversations each time', () => {
    fc.assert(
      fc.property(fc.array(json.filter(isRecord), { minLength: 1, maxLength: 3 }), (records) => {
        expect(readAll(records)).toEqual(readAll(records));
      }),
      runs(200),
    );
  });

  it('may be spoiled in any place of an example', () => {
    fc.assert(
      fc.property(fc.constantFrom(...examples), fc.nat(), json, (example, place, value) => {
        const record = JSON.parse(example) as JsonRecord;
        const all = placesIn(record);
        const [holder, key] = all[place % all.length] ?? [record, 'x'];
        (holder as Record<string, unknown>)[key] = value;
        readAll([record]);
        isNative(record, CHOSEN);
        refusalOf(record);
      }),
      runs(2000),
    );
  });
});

/** Every object or list in a value, with each of its keys. */
function placesIn(value: unknown): readonly (readonly [object, string])[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [[value, key] as const, ...placesIn(inner)]);
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Block, byteOffset } from '#dist/core/bytes.js';
import { DatasetSyntaxError } from '#dist/core/errors.js';
import { type DatasetRecord, readRecords } from '#dist/dataset/records.js';
import { runs } from '../support/factor.js';
import { conversation, spell, spelling } from '../support/spelling.js';
import { LAST_COMMA } from '../support/walked.js';

const element = fc.oneof({ weight: 4, arbitrary: conversation }, { weight: 1, arbitrary: fc.jsonValue() });
const elements = fc.array(element, { maxLength: 6 });
const objects = fc.array(conversation, { minLength: 1, maxLength: 6 });
const block = fc.integer({ min: 1, max: 80 });

/** All records of a file, read in blocks of the given length. */
function recordsOf(file: Buffer, blockBytes: number, recordBytesMax?: number): DatasetRecord[] {
  const end = byteOffset(file.length);
  function* blocksFrom(from: number): Generator<Block> {
    for (let start = from; start < end; start += blockBytes) {
      yield { bytes: file.subarray(start, start + blockBytes), offset: byteOffset(start) };
    }
  }
  const first = /[^\s\ufeff]/.exec(file.toString())?.index ?? 0;
  const isArray = file.toString()[first] === '[';
  const start = byteOffset(Buffer.byteLength(file.toString().slice(0, first)) + (isArray ? 1 : 0));
  const dataset = { format: isArray ? 'array' : 'lines', body: { start, end } } as const;
  return [...readRecords(blocksFrom, dataset, start, recordBytesMax)];
}

/** The result of `JSON.parse` for a file, element by element. */
function parsed(file: Buffer, format: 'array' | 'lines'): unknown[] {
  const text = file.toString('utf8').replace(/^\ufeff/, '');
  if (format === 'array') return JSON.parse(text);
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line));
}

describe('the records of a dataset', () => {
  it('are those of JSON.parse, in order, each once, wherever blocks end and however it is spelled', () => {
    fc.assert(
      fc.property(elements, objects, spelling, block, (any, lines, how, blockBytes) => {
        const file = spell(how.format === 'array' ? any : lines, how);
        const values = recordsOf(file, blockBytes).map(({ value }) => value);
        expect(values).toStrictEqual(parsed(file, how.format));
      }),
      runs(400),
    );
  });

  it('may have a comma after the last one', () => {
    for (const end of [',]', ' , ]', ',\n]\n']) {
      const values = recordsOf(Buffer.from(`[{"id": 1}, {"id": 2}${end}`), 5).map(({ value }) => value);
      expect(values).toEqual([{ id: 1 }, { id: 2 }]);
    }
  });

  it('begin at the byte that their offset names', () => {
    fc.assert(
      fc.property(objects, spelling, block, (list, how, blockBytes) => {
        const file = spell(list, how);
        for (const { offset } of recordsOf(file, blockBytes)) expect(file[offset]).toBe('{'.charCodeAt(0));
      }),
      runs(100),
    );
  });

  it('are skipped if they are longer than a worker may hold', () => {
    const list = [{ id: 1 }, { id: 2, long: 'x'.repeat(200) }, { id: 3 }];
    for (const text of [JSON.stringify(list), list.map((each) => JSON.stringify(each)).join('\n')]) {
      for (const blockBytes of [7, 1000]) {
        const records = recordsOf(Buffer.from(text), blockBytes, 100);
        expect(records.map(({ value }) => value)).toEqual([{ id: 1 }, undefined, { id: 3 }]);
        expect(records[1]?.offset).toBe(text.indexOf('{"id":2'));
      }
    }
  });

  it('end with an error wherever the file is cut off', () => {
    const list = [{ id: 'a', conversations: [{ from: 'human', value: 'x\\"]' }] }, { conversations: [] }];
    const file = Buffer.from(JSON.stringify(list, null, 1));
    for (let length = 1; length < file.length; length++) {
      expect(() => recordsOf(file.subarray(0, length), 16), `cut at ${length}`).toThrow(DatasetSyntaxError);
    }
  });

  it('are an error exactly if JSON.parse fails, whichever bytes were changed', () => {
    const mutation = fc.record({
      at: fc.nat(),
      remove: fc.nat(3),
      insert: fc.string({ unit: fc.constantFrom(...'{}[]",:\\0e-.\n tn\u0001u'), maxLength: 3 }),
    });
    fc.assert(
      fc.property(elements, spelling, mutation, block, (list, how, { at, remove, insert }, blockBytes) => {
        const before = spell(list, { ...how, format: 'array', byteOrderMark: false });
        // The list stays a list: another test covers other values.
        const start = 1 + before.indexOf('[') + (at % (before.length - before.indexOf('[')));
        const file = Buffer.concat([
          before.subarray(0, start),
          Buffer.from(insert),
          before.subarray(start + remove),
        ]);
        let expected: unknown;
        try {
          expected = JSON.parse(file.toString('utf8').replace(LAST_COMMA, '$1'));
        } catch {
          expect(() => recordsOf(file, blockBytes)).toThrow(DatasetSyntaxError);
          return;
        }
        expect(recordsOf(file, blockBytes).map(({ value }) => value)).toStrictEqual(expected);
      }),
      runs(600),
    );
  });

  it.each([
    ['[{"id": 1}, {"id" 2}]', 18, "expected ':'"],
    ['[{"id": 1} {"id": 2}]', 11, "expected ',' or"],
    ['[{"id": 1},, {"id": 2}]', 11, 'expected a value'],
    ['[,]', 1, 'expected a value'],
    ['[{"id": 1},,]', 11, 'expected a value'],
    ['[{"id": [1,]},]', 11, 'expected a value'],
    ['[{"id": 1},', 11, 'cut off'],
    ['[{"id": 1}]]', 11, 'nothing after the end'],
    ['[{"é": tru}]', 8, 'expected a value'],
    ['[{"a": "\\x"}]', 8, 'expected a character or an escape'],
    ['[{"id": [1}]', 10, "expected ']'"],
    ['[{"id": 1}', 10, 'cut off'],
    ['{"id": 1}\n{"id": \n', 17, 'expected a value'],
    ['{"id": 1}\n{"id": 2} x\n', 20, "expected ',' or"],
    ['{\n "id": 1\n}', 1, 'expected an object key'],
  ])('%s is invalid at byte %i', (text, offset, reason) => {
    const read = () => recordsOf(Buffer.from(text), 5);
    expect(read).toThrow(expect.objectContaining({ name: 'DatasetSyntaxError', offset }));
    expect(read).toThrow(reason);
  });
});

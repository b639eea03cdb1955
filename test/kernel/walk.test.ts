/** The kernel against `JSON.parse`: the same conversations, with the keys of their texts, for every spelling. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Kernel, kernelModule } from '#dist/kernel/kernel.js';
import { newKernel } from '../support/dataset.js';
import { runs } from '../support/factor.js';
import { conversation, spell, spelling, text } from '../support/spelling.js';
import { temporaryFolder } from '../support/temporary.js';
import { type Cutting, expectedRecords, parsedRecords, walkedRecords } from '../support/walked.js';

const folder = temporaryFolder();
const kernel = newKernel();

const cutting: fc.Arbitrary<Cutting> = fc.record({
  cuts: fc.array(fc.nat(5000), { maxLength: 6 }),
  blockBytes: fc.integer({ min: 1, max: 300 }),
});

const WORDS = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const anyType = fc.constantFrom<unknown>(
  ...['text', 'image', 'input_text', 'output_text', 'tool_result', 'tool_results', null, 7, ...WORDS],
);
const anyText = fc.oneof(
  { weight: 6, arbitrary: text },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(null, 5, ...WORDS) },
);
const anyPart = (content: fc.Arbitrary<unknown>) =>
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record(
        { type: anyType, text: anyText, value: anyText, content: fc.oneof(content, anyText) },
        { requiredKeys: [] },
      ),
    },
    { weight: 1, arbitrary: text },
    { weight: 1, arbitrary: fc.constantFrom<unknown>(5, null, [], {}, ...WORDS) },
  );
const anyParts = (content: fc.Arbitrary<unknown>) => fc.array(anyPart(content), { maxLength: 3 });

/** A text in one of the shapes found in datasets. */
const content = fc.oneof(
  { weight: 4, arbitrary: text },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(null, 5, {}, false, ...WORDS) },
  { weight: 2, arbitrary: anyParts(anyParts(anyParts(anyText))) },
  {
    weight: 2,
    arbitrary: fc.array(
      fc.oneof(
        { weight: 5, arbitrary: fc.record({ type: fc.constantFrom('text', 'image'), text }) },
        {
          weight: 1,
          arbitrary: fc.record({ text, type: fc.constant('text'), extra: fc.jsonValue({ maxDepth: 1 }) }),
        },
        {
          weight: 1,
          arbitrary: fc.constantFrom(
            {},
            { type: 'text' },
            { type: 'text', text: 5 },
            { type: 7, text: 'x' },
            5,
            'x',
          ),
        },
      ),
      { maxLength: 3 },
    ),
  },
);
const anyTurn = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record(
      {
        from: fc.constantFrom<unknown>('human', 'gpt', null, 5, ...WORDS),
        role: fc.constantFrom<unknown>('user', 'x', null, ...WORDS),
        value: content,
        content,
        parts: content,
        refusal: content,
        weight: fc.jsonValue({ maxDepth: 1 }),
      },
      { requiredKeys: [] },
    ),
  },
  { weight: 8, arbitrary: fc.record({ from: fc.constantFrom('human', 'gpt'), value: content }) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 1 }) },
  { weight: 1, arbitrary: fc.constantFrom(...WORDS) },
);
const list = fc.oneof(
  { weight: 5, arbitrary: fc.array(anyTurn, { maxLength: 3 }) },
  fc.jsonValue({ maxDepth: 1 }),
);
const anyRecord = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record(
      {
        id: fc.oneof(
          text,
          fc.double({ noNaN: true, noDefaultInfinity: true }),
          fc.constantFrom<unknown>(null, true, {}, [], ...WORDS),
        ),
        conversation_id: fc.oneof(text, fc.integer()),
        conversation_hash: text,
        conversations: list,
        conversation: list,
        messages: list,
        items: list,
        extra: fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(...WORDS)),
      },
      { requiredKeys: [] },
    ),
  },
  { weight: 2, arbitrary: conversation },
  { weight: 1, arbitrary: fc.jsonValue() },
);

describe('a walk', () => {
  it('finds what JSON.parse finds, each once and in order, wherever the file is cut and however it is spelled', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(conversation, { minLength: 1, maxLength: 6 }),
        spelling,
        cutting,
        async (list, how, cut) => {
          const file = spell(list, how);
          const records = parsedRecords(file, how.format) ?? expect.fail('no JSON');
          expect(await walkedRecords(kernel, folder, file, cut)).toEqual(expectedRecords(kernel, records));
        },
      ),
      runs(300),
    );
  });

  it('accepts the conversations that parseConversation accepts, and skips the rest', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyRecord, { maxLength: 5 }), spelling, cutting, async (list, how, cut) => {
        const format =
          list.every((each) => typeof each === 'object' && each !== null && !Array.isArray(each)) &&
          list.length > 0
            ? how.format
            : 'array';
        const file = spell(list, { ...how, format });
        const records = parsedRecords(file, format) ?? expect.fail('no JSON');
        expect(await walkedRecords(kernel, folder, file, cut)).toEqual(expectedRecords(kernel, records));
      }),
      runs(600),
    );
  });

  it.each([
    [
      'a list twice',
      '{"conversations": [{"from": "a", "value": "x"}], "conversations": [{"from": "b", "value": "y"}]}',
    ],
    [
      'a list, then no list of the same name',
      '{"items": [{"from": "a", "value": "x"}], "conversations": [], "conversations": 5}',
    ],
    [
      'a text twice',
      '{"items": [{"from": "a", "value": "x", "value": "y"}, {"from": "b", "value": "the reply"}]}',
    ],
    [
      'a text, then a number',
      '{"items": [{"from": "a", "value": "x", "value": 5}, {"from": "b", "value": "the reply"}]}',
    ],
    [
      'a number, then a text',
      '{"items": [{"from": "a", "value": 5, "value": "x"}, {"from": "b", "value": "the reply"}]}',
    ],
    [
      'a role twice',
      '{"items": [{"from": 5, "from": "a", "value": "x"}, {"from": "b", "value": "the reply"}]}',
    ],
    ['an id twice', '{"id": 5, "items": [], "id": "x"}'],
    ['an id, then null', '{"id": 5, "items": [], "id": null}'],
    [
      'a part twice',
      '{"items": [{"from": "a", "value": [{"type": "text", "text": "x", "text": "y"}]}, {"from": "b", "value": "the reply"}]}',
    ],
    [
      'a part whose type changes',
      '{"items": [{"from": "a", "value": [{"type": "text", "text": "x", "type": "image"}]}, {"from": "b", "value": "the reply"}]}',
    ],
    [
      'names with escapes',
      '{"\\u0069d": 1, "it\\u0065ms": [{"fr\\u006fm": "a", "\\u0076alue": [{"t\\u0079pe": "\\u0074ext", "text": "x"}]}, {"from": "b", "value": "the reply"}]}',
    ],
    [
      'names that only begin alike',
      '{"ids": 1, "item": [], "itemss": [], "items": [{"from ": "a", "from": "b", "values": "x"}, {"from": "b", "value": "the reply"}]}',
    ],
    [
      'a result in a result',
      '{"items": [{"from": "a", "value": [{"type": "tool_result", "content": [{"type": "tool_result", "content": "x"}, {"text": "y"}]}]}, {"from": "b", "value": "the reply"}]}',
    ],
    [
      'a content twice, and a type after it',
      '{"items": [{"from": "a", "value": [{"content": "x", "content": ["y", {"value": "z"}], "type": "text", "type": "tool_re\\u0073ult"}]}, {"from": "b", "value": "the reply"}]}',
    ],
    [
      'a content that is no text of a part',
      '{"items": [{"from": "a", "value": [{"content": "x", "type": "tool_use"}, {"content": "y"}, {"type": "tool_result", "text": "z"}]}, {"from": "b", "value": "the reply"}]}',
    ],
    [
      'a list with a turn, then an empty one of the same name',
      '{"items": [{"from": "a", "value": "x"}], "items": [], "messages": [5]}',
    ],
    [
      'names that only begin as new ones do',
      '{"items": [{"from": "a", "partt": "x", "refusam": "y"}, {"from": "a", "value": [{"type": "input_texu", "text": "x"}, {"type": "output_texu", "text": "x"}, {"valuf": "y", "contenu": "z"}]}, {"from": "b", "value": "the reply"}]}',
    ],
    [
      'halves of a surrogate pair in two parts',
      '{"items": [{"from": "a", "value": [{"type": "text", "text": "\\ud83d"}, {"type": "text", "text": "\\ude00"}]}, {"from": "b", "value": "the reply"}]}',
    ],
    [
      'a backslash before what looks like half a pair',
      '{"items": [{"from": "a", "value": [{"type": "text", "text": "\\\\ud83d"}, {"type": "text", "text": "\\ude00"}]}, {"from": "b", "value": "the reply"}]}',
    ],
    [
      'every escape',
      '{"items": [{"from": "a", "value": "\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\\u000b\\u002F\\u00E9\\u20ac\\ud83d\\ude00\\udc00\\ud800x\\ud800\\ud800\\udc00"}, {"from": "b", "value": "the reply"}]}',
    ],
    [
      'names that differ in the last character',
      '{"conversation_hasg": 1, "conversation_ic": 2, "ic": 3, "items": [{"from": "a", "rolf": 5, "value": "x", "valuf": "y"}, {"role": "b", "fron": 5, "content": "x", "contenu": "y"}, {"from": "a", "value": [{"type": "text", "typf": "image", "text": "x", "texu": "y"}]}, {"from": "b", "value": "the reply"}], "itemt": [], "messaget": [], "conversatioo": [], "conversationt": []}',
    ],
    [
      'names of nothing but escapes',
      '{"\\u0063\\u006f\\u006e\\u0076\\u0065\\u0072\\u0073\\u0061\\u0074\\u0069\\u006f\\u006e\\u005f\\u0068\\u0061\\u0073\\u0068": "x", "\\u0063\\u006f\\u006e\\u0076\\u0065\\u0072\\u0073\\u0061\\u0074\\u0069\\u006f\\u006e\\u0073": [{"\\u0072\\u006f\\u006c\\u0065": "a", "\\u0063\\u006f\\u006e\\u0074\\u0065\\u006e\\u0074": [{"\\u0074\\u0079\\u0070\\u0065": "\\u0074\\u0065\\u0078\\u0074", "\\u0074\\u0065\\u0078\\u0074": "x"}]}, {"from": "b", "value": "the reply"}]}',
    ],
    [
      'escapes on both sides of where a character takes one byte more',
      '{"items": [{"from": "a", "value": "\\u007f\\u0080\\u07ff\\u0800\\ud7ff\\ue000\\uffff\\ud800\\udc00\\udbff\\udfff"}, {"from": "b", "value": "the reply"}]}',
    ],
    ['an id that begins with a 9', '{"id": 90, "items": []}'],
    ['numbers of every kind', '{"id": -0.5e+10, "x": [0, -0, 1.5, 1E5, 1e-5, 10, -12.25], "items": []}'],
  ])('understands %s as JSON.parse does', async (_what, record) => {
    const records = [JSON.parse(record)];
    for (const blockBytes of [1, 7, 1000]) {
      const walked = await walkedRecords(kernel, folder, Buffer.from(`[${record}]`), {
        cuts: [],
        blockBytes,
      });
      expect(walked).toEqual(expectedRecords(kernel, records));
    }
  });

  it.each(['01', '-01', '-', '1.', '.5', '1.e5', '1e', '1e+', '+1', '0x1', '1_0'])(
    'rejects %s as a number',
    async (number) => {
      const file = Buffer.from(`[{"n": ${number}, "items": []}]`);
      await expect(walkedRecords(kernel, folder, file, { cuts: [], blockBytes: 1000 })).rejects.toThrow(
        /not valid JSON/,
      );
    },
  );

  it('reads invalid UTF-8 as a decoder does', async () => {
    const byte = fc.oneof(
      fc.integer({ min: 0x80, max: 0xff }),
      fc.constantFrom(0xc3, 0xe2, 0x80, 0xed, 0xa0, 0xf0, 0x9f, 0xf4, 0x90, 0x61),
    );
    const bytes = fc.array(byte, { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(bytes, bytes, fc.constantFrom('', '\\u00e9', '\\n'), async (one, other, between) => {
        const text = Buffer.concat([Buffer.from(one), Buffer.from(between), Buffer.from(other)]);
        const file = Buffer.concat([
          Buffer.from('[{"items":[{"from":"a","value":"'),
          text,
          Buffer.from('"},{"from":"a","value":[{"type":"text","text":"'),
          text,
          Buffer.from('"},{"type":"text","text":"\\u00e9"}]}]}]'),
        ]);
        const records = parsedRecords(file, 'array') ?? expect.fail('no JSON');
        expect(await walkedRecords(kernel, folder, file, { cuts: [], blockBytes: 1000 })).toEqual(
          expectedRecords(kernel, records),
        );
      }),
      runs(600),
    );
  });

  it('distinguishes UTF-8 from nearly valid UTF-8, anywhere in a text', async () => {
    const sequences = [
      ...['c280', 'dfbf', 'e0a080', 'ed9fbf', 'ee8080', 'efbfbf', 'f0908080', 'f48fbfbf'],
      ...['c080', 'c1bf', 'e08080', 'e09fbf', 'eda080', 'edbfbf', 'f0808080', 'f08fbfbf', 'f4908080'],
      ...['f5808080', 'f7bfbfbf', 'f888808080', 'ff', '80', 'bf', 'c3', 'e0a0', 'e282', 'f09f', 'f09f98'],
    ].map((hex) => Buffer.from(hex, 'hex'));
    const texts = sequences.flatMap((sequence) =>
      Array.from({ length: 66 }, (_, i) =>
        Buffer.concat([Buffer.from('x'.repeat(i >> 1)), sequence, Buffer.from(i % 2 === 0 ? '' : 'y')]),
      ),
    );
    const file = Buffer.concat([
      Buffer.from('[{"items":['),
      ...texts.flatMap((text) => [Buffer.from('{"from":"a","value":"'), text, Buffer.from('"},')]),
      Buffer.from('{"from":"b","value":"the reply"}]}]'),
    ]);
    const records = parsedRecords(file, 'array') ?? expect.fail('no JSON');
    expect(await walkedRecords(kernel, folder, file, { cuts: [], blockBytes: 1_000_000 })).toEqual(
      expectedRecords(kernel, records),
    );
  });

  it('skips records that are too long or nested too deeply', async () => {
    const short = { items: [{ from: 'a', value: 'x' }] };
    const deep = `${'['.repeat(70_000)}${']'.repeat(70_000)}`;
    const longs = [
      JSON.stringify({ items: [{ from: 'a', value: '"]}'.repeat(100) }] }),
      JSON.stringify('x\\'.repeat(100)),
      '7'.repeat(300),
      `{"x": ${deep}, "items": []}`,
    ];
    for (const long of longs) {
      for (const blockBytes of [7, 100_000]) {
        const cut = { cuts: [10, 100, 200], blockBytes, recordBytesMax: 250 };
        const array = Buffer.from(`[${JSON.stringify(short)}, ${long} , ${JSON.stringify(short)}]`);
        const both = [...expectedRecords(kernel, [short]), undefined, ...expectedRecords(kernel, [short])];
        expect(await walkedRecords(kernel, folder, array, cut)).toEqual(both);
        const last = Buffer.from(`[${JSON.stringify(short)}, ${long}]`);
        expect(await walkedRecords(kernel, folder, last, cut)).toEqual(both.slice(0, 2));
        const lines = Buffer.from(`${JSON.stringify(short)}\n${long}\n${JSON.stringify(short)}`);
        expect(await walkedRecords(kernel, folder, lines, cut)).toEqual(both);
        const lastLine = Buffer.from(`${JSON.stringify(short)}\n${long}`);
        expect(await walkedRecords(kernel, folder, lastLine, cut)).toEqual(both.slice(0, 2));
      }
    }
  });

  it('reads a record of the maximum length, and none that is a byte longer', async () => {
    const list = [
      { items: [{ from: 'a', value: 'x' }] },
      { items: [{ from: 'a', value: 'longer' }] },
      { items: [] },
    ];
    const longest = JSON.stringify(list[1]).length;
    const file = Buffer.from(JSON.stringify(list));
    const walked = (recordBytesMax: number) =>
      walkedRecords(kernel, folder, file, { cuts: [], blockBytes: 1000, recordBytesMax });
    const [first, , last] = expectedRecords(kernel, list);
    expect(await walked(longest)).toEqual(expectedRecords(kernel, list));
    expect(await walked(longest - 1)).toEqual([first, undefined, last]);
  });

  it('passes over a byte order mark at the start of a line', async () => {
    const list = [{ items: [] }, { id: 'a', items: [{ from: 'b', value: '\ufeff' }] }];
    const file = Buffer.from(list.map((each) => `\ufeff ${JSON.stringify(each)}\n\ufeff\n`).join(''));
    for (let blockBytes = 1; blockBytes < 20; blockBytes++) {
      const found = await walkedRecords(kernel, folder, file, { cuts: [20], blockBytes });
      expect(found).toEqual(expectedRecords(kernel, list));
    }
  });

  it('skips the last of several lines if the end of the file cuts it off, at any byte', async () => {
    const list = [
      { items: [] },
      { id: 'a', n: [1.5e3, true, null], items: [{ from: 'b', value: '\\"é\ud83d' }] },
    ];
    const [first, last] = list.map((each) => JSON.stringify(each)) as [string, string];
    const spelled = Buffer.from(last.replace('é', '\\u00e9'));
    const others = expectedRecords(kernel, list.slice(0, 1));
    for (let length = 1; length < spelled.length; length++) {
      for (const cut of [
        { cuts: [], blockBytes: 7 },
        { cuts: [first.length], blockBytes: 1000 },
      ]) {
        const file = Buffer.concat([Buffer.from(`${first}\n`), spelled.subarray(0, length)]);
        const found = await walkedRecords(kernel, folder, file, cut).catch((error) => error);
        expect(found, file.toString()).toEqual([...others, undefined]);
      }
    }
  });

  it.each(['{"items": tru}', '{"items" 5', '{"items": "\\x', '{"items": [\n'])(
    'finds an error in a last line that is not valid: %s',
    async (line) => {
      const file = Buffer.from(`{"items": []}\n${line}`);
      await expect(walkedRecords(kernel, folder, file, { cuts: [], blockBytes: 9 })).rejects.toThrow(
        'not valid JSON',
      );
    },
  );

  it('finds an error after a record that is nested too deeply', async () => {
    const deep = `${'['.repeat(70_000)}${']'.repeat(70_000)}`;
    for (const rest of ['{"items": tru}', '[1,]', '"x" 5']) {
      for (const blockBytes of [1000, 1_000_000]) {
        const file = Buffer.from(`[${deep}, ${rest}, {"items": []}]`);
        await expect(walkedRecords(kernel, folder, file, { cuts: [], blockBytes })).rejects.toThrow(
          /not valid JSON/,
        );
      }
    }
  });

  it('skips a long record as usual after a truncated one', async () => {
    const cut = { cuts: [], blockBytes: 100, recordBytesMax: 250 };
    for (const cutOff of [`[[[["${'x'.repeat(400)}`, `[[[["${'x'.repeat(400)}"`, `["${'x'.repeat(394)}\\`]) {
      await expect(walkedRecords(kernel, folder, Buffer.from(cutOff), cut)).rejects.toThrow(/cut off/);
      const file = Buffer.from(`["${'y'.repeat(400)}", {"items": []}]`);
      expect(await walkedRecords(kernel, folder, file, cut)).toEqual([
        undefined,
        ...expectedRecords(kernel, [{ items: [] }]),
      ]);
    }
  });

  it('has room for the most turns, and the longest text, that a file of that size can hold', async () => {
    const reply = { from: 'b', value: 'the reply' };
    const shortest = '{"from":""},'.repeat(20_000);
    const wrong = Buffer.alloc(100_000, 0xff);
    for (const file of [
      Buffer.from(`[{"items":[${shortest}${JSON.stringify(reply)}]}]`),
      Buffer.concat([
        Buffer.from('[{"items":[{"from":"a","value":"x"},{"from":"a","value":"'),
        wrong,
        Buffer.from(`"},${JSON.stringify(reply)}]}]`),
      ]),
      Buffer.concat([
        Buffer.from('[{"items":[{"from":"a","value":"x"},{"from":"a","value":[{"type":"text","text":"'),
        wrong,
        Buffer.from(`"}]},${JSON.stringify(reply)}]}]`),
      ]),
    ]) {
      const tight = new Kernel(kernelModule(), file.length + 1);
      const records = parsedRecords(file, 'array') ?? expect.fail('no JSON');
      const walked = await walkedRecords(tight, folder, file, { cuts: [], blockBytes: file.length });
      expect(walked).toEqual(expectedRecords(kernel, records));
    }
  });

  it('finds the same records even if every cut is wrong', async () => {
    const list = [
      '}, {"id": "x", "conversations": [',
      '\\',
      '\\\\"',
      '"},{"',
      '\u{1f600}]',
      '[[[{{{',
      '\\"}]}',
    ].map((value, id) => ({
      id,
      conversations: [
        { from: 'human', value },
        { value, from: 'gpt' },
      ],
    }));
    for (const whole of [
      JSON.stringify(list),
      JSON.stringify(list, null, 2),
      JSON.stringify(list, null, '\t'),
    ]) {
      const file = Buffer.from(whole);
      for (let cut = 1; cut <= file.length; cut++) {
        const cuts = [cut, cut + 1, cut + 40];
        expect(await walkedRecords(kernel, folder, file, { cuts, blockBytes: 64 })).toEqual(
          expectedRecords(kernel, list),
        );
      }
    }
  });
});

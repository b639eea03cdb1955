import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LENGTHS_FROM, TURNS_FROM } from '#dist/core/histogram.js';
import { datasetWriter, poolOf, sweepOf } from '../support/dataset.js';

const write = datasetWriter();
const pool = poolOf(3);
const talk = {
  id: 'a',
  conversations: [
    { from: 'human', value: 'long\nprompt' },
    { from: 'gpt', value: 'short' },
    { from: 'human', value: 'x' },
  ],
};

function censusOf(content: string) {
  return sweepOf(write(content), pool).census;
}

const take = (census: ReturnType<typeof censusOf>) => census.take(false, () => undefined);

describe('a census', () => {
  it.each(['array', 'lines'])(
    'counts conversations, turns, and records that are not conversations (%s)',
    async (format) => {
      const list = [
        talk,
        5,
        { ...talk, conversations: [] },
        { messages: 'x' },
        talk,
        null,
        [],
        {},
        'x',
        true,
      ];
      const objects = list.filter((each) => each === talk || JSON.stringify(each).startsWith('{'));
      const content =
        format === 'array' ? JSON.stringify(list) : objects.map((each) => JSON.stringify(each)).join('\n');
      const census = censusOf(content);
      expect(census.progress).toBe(0);
      await take(census);
      expect(census.progress).toBe(1);
      const expected = {
        conversations: 3,
        turns: 6,
        replies: 4,
        leftOut: 0,
        skipped: format === 'array' ? 7 : 2,
      };
      expect(census.counts).toMatchObject(expected);
      const [first] = census.counts.skippedAt;
      expect(content.slice(first)).toMatch(format === 'array' ? /^5,/ : /^\{"messages/);
    },
  );

  it('counts turns by role and length, and conversations by turns', async () => {
    const turns = (list: readonly (readonly [string, unknown])[]) => ({
      messages: list.map(([role, content]) => ({ role, content })),
    });
    const parts = [{ text: 'x'.repeat(5) }, { text: '"'.repeat(5) }];
    const list = [
      turns([]),
      turns([['USER', 'x'.repeat(3)]]),
      turns([
        ['developer', ''],
        ['human', parts],
        ['gpt', '\u00e9'],
        ['tool', 'x'.repeat(10_000_000)],
        ['nobody', null],
      ]),
      // Of two lists, only the turns of one count.
      {
        ...turns(Array.from({ length: 80 }, () => ['user', 'abcd'])),
        items: [{ role: 'user', content: 'x' }],
      },
      { messages: 'none' },
    ];
    const census = censusOf(JSON.stringify(list));
    await take(census);
    const { roles, histograms, records } = census.counts;
    expect(records).toBe(5);
    expect(roles).toEqual({ assistant: 2, user: 82, system: 1, tool: 1 });
    const filled = (buckets: readonly number[], from: readonly number[]) =>
      buckets.flatMap((count, i) => (count === 0 ? [] : [[from[i], count]]));
    expect(filled(histograms.turns, TURNS_FROM)).toEqual([0, 1, 5, 63].map((from) => [from, 1]));
    expect(filled(histograms.lengths, LENGTHS_FROM)).toEqual([
      [0, 2],
      [2, 1],
      [3, 1],
      [4, 80],
      [14, 1],
      [114_688, 1],
    ]);
  });

  it('counts elements of lists that are not turns', async () => {
    const [prompt, reply] = talk.conversations;
    const odd = [5, null, {}, 'x', [prompt], { from: 'human', value: 5 }, { from: null, value: 'x' }];
    const census = censusOf(
      JSON.stringify([
        talk,
        { conversations: [...odd, prompt, reply] },
        // The first list with a turn counts.
        { conversations: odd, messages: [prompt, 1] },
        { conversations: [], messages: [] },
        { conversations: odd },
      ]),
    );
    await take(census);
    const expected = { conversations: 4, turns: 6, replies: 3, leftOut: odd.length + 1, skipped: 1 };
    expect(census.counts).toMatchObject(expected);
  });

  it.each([1, 2, 5])(
    'counts deeply nested records alike with %i workers, whether it keeps turns or not',
    async (workers) => {
      const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
      const text = JSON.stringify(talk);
      const depths = [65_535, 65_536, 65_537, 65_538, 70_000, 300_000];
      const records = depths.flatMap((depth) => [
        text,
        text.replace('{', `{"x":${deep(depth)},`),
        text.replace('"short"', `"short","x":${deep(depth)}`),
      ]);
      for (const content of [`[${records.join(',')}]`, records.join('\n')]) {
        for (const keepsTurns of [false, true]) {
          const { census } = sweepOf(write(content), poolOf(workers));
          await census.take(keepsTurns, () => undefined);
          // The innermost brackets are empty, and don't count.
          expect(census.counts).toMatchObject({ conversations: 12, turns: 36, skipped: 6 });
        }
      }
    },
  );

  it('finds a prompt to show beside a word that Python writes', async () => {
    const turns = '{"from": "human", "value": "Hi", "score": NaN}, {"from": "gpt", "value": "Hello"}';
    const census = censusOf(`[{"conversations": [${turns}]}]`);
    await take(census);
    expect(census.counts.example).toBe('Hi');
  });

  it('keeps the first offsets of skipped records, in order', async () => {
    const census = censusOf(JSON.stringify([talk, ...Array.from({ length: 50 }, () => ({}))]));
    await take(census);
    const start = JSON.stringify([talk]).length;
    expect(census.counts.skippedAt).toEqual([0, 1, 2, 3, 4].map((i) => start + 3 * i));
  });

  it('finds an example prompt of one line with a reply', async () => {
    const census = censusOf(JSON.stringify([{ conversations: [talk.conversations[0]] }, talk]));
    await take(census);
    expect(census.counts.example).toBe('short');
  });

  it('prefers an example that an assistant replies to', async () => {
    const turns = [
      { from: 'system', value: 'Be brief.' },
      { from: 'human', value: 'Hi' },
    ];
    const reply = { from: 'gpt', value: 'Hello' };
    for (const [conversations, example] of [
      [turns, 'Be brief.'],
      [[...turns, reply], 'Hi'],
    ] as const) {
      const census = censusOf(JSON.stringify([{ conversations }]));
      await take(census);
      expect(census.counts.example).toBe(example);
    }
  });

  it.each([
    ['[]', 'valid JSON, but an empty list'],
    ['[1, 2, {}]', 'no conversation in 3 records: 2 neither an object nor a list, 1 no known shape'],
    ['[{"data": []}]', 'no conversation in 1 record with the key "data": no known shape'],
  ])('rejects %s', async (content, problem) => {
    await expect(take(censusOf(content))).rejects.toThrow(problem);
  });

  it('reports the first invalid byte, even if it makes later shards be cut wrongly', async () => {
    const text = JSON.stringify(Array.from({ length: 300 }, () => talk));
    const at = text.indexOf('"id"', 1000);
    // Without this quote, the parser takes every later string for structure, and structure for strings.
    const content = `${text.slice(0, at)}${text.slice(at + 1)}`;
    await expect(take(censusOf(content))).rejects.toThrow(`:1:${at + 1} (byte ${at}): not valid JSON`);
  });

  it('distinguishes a file that changed from one that can never be served', async () => {
    const dataset = write(JSON.stringify([talk]));
    const { census } = sweepOf(dataset, pool);
    writeFileSync(dataset.file.path, JSON.stringify([talk, talk]));
    await expect(take(census)).rejects.toMatchObject({ name: 'DatasetError', isTransient: true });
    await expect(take(censusOf('[]'))).rejects.toMatchObject({
      name: 'DatasetError',
      isTransient: false,
    });
  });

  it('reports the first invalid byte, even if a later one is found sooner', async () => {
    const records = Array.from({ length: 3000 }, () => JSON.stringify(talk));
    // Near the end of the first shard, and at the start of the last.
    records[990] = '{"id": tru}';
    records[2010] = '{"id": nul}';
    const content = `[${records.join(',')}]`;
    const at = content.indexOf('tru}');
    await expect(take(censusOf(content))).rejects.toThrow(`:1:${at + 1} (byte ${at}): not valid JSON`);
  });
});

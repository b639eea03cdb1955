/** The recorded times of replies, in both engines: they are found if they are wanted, and decide nothing. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteCount } from '#dist/core/bytes.js';
import { type Query, queryOf } from '#dist/core/query.js';
import type { Timing } from '#dist/core/timings.js';
import { Cache, CachedLookup } from '#dist/lookup/cache.js';
import { LayeredLookup } from '#dist/lookup/layered.js';
import type { Lookup, NearestQuery } from '#dist/lookup/lookup.js';
import { bestOf } from '#dist/lookup/nearest.js';
import { NearestSweep } from '#dist/lookup/nearest-sweep.js';
import { makeSketches } from '#dist/models/sketching.js';
import { newStopFlag } from '#dist/workers/stop-flag.js';
import { datasetWriter, enginesOf, newKernel, poolOf } from '../support/dataset.js';
import { runs } from '../support/factor.js';
import { plainMatch } from '../support/plain-lookup.js';
import { spell, spelling } from '../support/spelling.js';
import { temporaryFolder } from '../support/temporary.js';
import { walkedRecords } from '../support/walked.js';

const write = datasetWriter();
const folder = temporaryFolder();
const pool = poolOf(2);
const kernel = newKernel();

const asked = (wantsTimings: boolean, ...texts: readonly string[]) =>
  queryOf(
    texts.map((text) => ({ role: 'user', text })),
    wantsTimings,
  ) as Query;

/** The times of chunks that cut a text of a length. */
function timesOf(length: number): fc.Arbitrary<Timing[]> {
  const chunk = fc.tuple(fc.integer({ min: 0, max: 4000 }), fc.nat(length));
  return fc.array(chunk, { maxLength: 5 }).map((some) => {
    const ms = some.map(([quarters]) => quarters / 4).sort((a, b) => a - b);
    const ends = [...some.map(([, end]) => end).sort((a, b) => a - b), length];
    return ends.map((end, i) => [ms[i] ?? 1000, end - (ends[i - 1] ?? 0)]);
  });
}

const bad = fc.constantFrom<unknown>(
  ...[
    null,
    5,
    'x',
    '[[1,1]]',
    [],
    [[1]],
    [[1, -1]],
    [
      [2, 0],
      [1, 0],
    ],
    { from: 'x', value: 'y' },
  ],
  ...[[[Number.NaN, 1]], [{ value: 'a', from: 'human' }], [[1, 1000]], [{ conversations: [] }], false],
);

/** A turn with its times somewhere among its fields, and those that its match should have. */
function timed(fields: Readonly<Record<string, string>>, length: number) {
  const timings = fc.oneof(timesOf(length), fc.constant(undefined), bad);
  const given = fc.tuple(timings, fc.nat(3));
  return given.map(([value, at]) => {
    const isGood = Array.isArray(value) && value.length > 0 && value.every((each) => isPair(each));
    const expected = isGood && sumOf(value) === length && isSorted(value) ? value : undefined;
    const entries: [string, unknown][] = Object.entries(fields);
    if (value !== undefined) entries.splice(at, 0, ['timings', value]);
    return { turn: Object.fromEntries(entries), fields, expected };
  });
}

const isPair = (each: unknown) => Array.isArray(each) && each.length === 2 && !Number.isNaN(each[0]);
const sumOf = (list: readonly Timing[]) => list.reduce((sum, [, length]) => sum + length, 0);
const isSorted = (list: readonly Timing[]) => list.every(([ms], i) => ms >= (list[i - 1]?.[0] ?? 0));

const word = fc.constantFrom('a', 'b c', '', 'é😀', '"}]\n', '\u2028x', 'timings', '[[1,1]]');
const said = fc
  .tuple(word, word, fc.boolean(), fc.boolean())
  .chain(([text, reasoning, isOpenAi, isReasoned]) => {
    const fields: Record<string, string> = isOpenAi
      ? { role: 'assistant', content: text }
      : { from: 'gpt', value: text };
    if (isReasoned) fields.reasoning_content = reasoning;
    return timed(fields, text.length + (isReasoned ? reasoning.length : 0));
  });
const conversation = fc.array(said, { minLength: 2, maxLength: 4 });

describe('in both engines', () => {
  it('a match has the times of its reply if they are wanted, wherever they are in the turn', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(conversation, { minLength: 1, maxLength: 6 }),
        spelling,
        async (list, how) => {
          const ofDataset = list.map((turns, i) => ({ id: `${i}`, messages: turns.map(({ turn }) => turn) }));
          const engines = await enginesOf(write(spell(ofDataset, how)), pool);
          const places = list.map((turns) => turns.slice(0, -1).map(({ fields }) => fields));
          for (const turns of places) {
            for (const [i] of turns.entries()) {
              const texts = turns.slice(0, i + 1).map(({ value, content }) => value ?? content ?? '');
              const query = queryOf(texts.map((text) => ({ role: 'user', text })));
              if (query === undefined) continue;
              const plain = plainMatch(await engines.index.find(query));
              for (const engine of [engines.index, engines.sweep]) {
                const without = await engine.find(query);
                expect(plainMatch(without)).toEqual(plain);
                expect(without?.reply).not.toHaveProperty('timings');
                const match = await engine.find({ ...query, wantsTimings: true });
                expect(plainMatch(match)).toEqual(plain);
                const { conversationId, replyIndex } = match ?? {};
                const expected = list[Number(conversationId)]?.[replyIndex ?? -1]?.expected;
                expect(match?.reply.timings).toEqual(expected);
              }
            }
          }
          engines.reader.close();
        },
      ),
      runs(40),
    );
  });

  it('turns have the same keys, texts and places as without times', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(conversation, { minLength: 1, maxLength: 6 }),
        spelling,
        async (list, how) => {
          const walked = async (turnOf: (each: (typeof list)[number][number]) => object) => {
            const records = list.map((turns) => ({ conversations: turns.map(turnOf) }));
            return walkedRecords(newKernel(), folder, spell(records, how), { cuts: [], blockBytes: 1 << 16 });
          };
          expect(await walked(({ turn }) => turn)).toEqual(await walked(({ fields }) => fields));
        },
      ),
      runs(40),
    );
  });

  it.each([
    '{"from":"gpt","value":"Hi","timings":[[1.5,1],[2,1]]}',
    '{"timings":[[1.5,1],[2,1]],"from":"gpt","value":"Hi"}',
    '{"role":"assistant","timings":[[1.5,1],[2,1]],"content":"Hi"}',
    String.raw`{"role":"assistant","content":"\u0048i","t\u0069mings":[[1.5,1],[2,1]]}`,
    '{"role":"assistant","content":"Hi","timings":5,"timings":[[1.5,1],[2,1]]}',
    '{"role":"assistant","content":[{"type":"text","text":"Hi"}],"timings":[[1.5,1],[2,1]]}',
    '{"role":"assistant","content":"Hi","tool_calls":null,"timings":[ [1.5e0, 1], [2.0, 1] ]}',
    '{"role":"assistant","content":null,"reasoning":"H","refusal":"i","timings":[[1.5,1],[2,1]]}',
    '{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":"{}"}}],"timings":[[1.5,1],[2,1]]}',
  ])('the times of %s are found', async (reply) => {
    const prompt = '{"role":"user","content":"Hello"}';
    const { index, sweep } = await enginesOf(write(`[{"messages": [${prompt}, ${reply}]}]`), pool);
    for (const engine of [index, sweep]) {
      const match = await engine.find(asked(true, 'Hello'));
      expect(match?.reply.timings).toEqual([
        [1.5, 1],
        [2, 1],
      ]);
    }
  });

  it('the reply to the nearest turn has them, too', async () => {
    const messages = [
      { role: 'user', content: 'What grows in the shade of tall trees?' },
      { role: 'assistant', content: 'Moss.', timings: [[12, 5]] },
    ];
    const dataset = write(JSON.stringify([{ messages }]));
    const { index, plan, reader, table } = await enginesOf(dataset, pool, kernel);
    index.useSketches(table, await makeSketches(plan, pool, table.replies, newStopFlag(), 2));
    for (const engine of [index, new NearestSweep(plan, pool, kernel, reader)]) {
      for (const wantsTimings of [true, false]) {
        const query = asked(wantsTimings, 'What grows in the shade of old trees?');
        const nearest: NearestQuery = {
          query,
          count: 1,
          scoreMin: 0,
          isAnswer: true,
          bytesMax: 1e6,
          waits: true,
        };
        const search = bestOf(await engine.candidates(nearest), nearest);
        let step = search.next();
        while (!step.done) step = search.next();
        expect(step.value[0]?.reply.value).toBe('Moss.');
        expect(step.value[0]?.reply.timings).toEqual(wantsTimings ? [[12, 5]] : undefined);
      }
    }
  });
});

describe('a cached match', () => {
  const timings = Array.from({ length: 1000 }, (_, i) => [i, 1]);
  const messages = [
    { role: 'user', content: 'Hello' },
    { role: 'assistant', content: 'x'.repeat(1000), timings },
  ];

  async function cachedLookup(maxBytes: number) {
    const { sweep } = await enginesOf(write(JSON.stringify([{ messages }])), pool);
    const cache = new Cache(byteCount(maxBytes));
    const lookup: Lookup = new CachedLookup(new LayeredLookup(() => [{ lookup: sweep }]), cache);
    return { cache, lookup };
  }

  it('has its times, whether or not they were wanted before', async () => {
    const { cache, lookup } = await cachedLookup(1_000_000);
    const times = async (wantsTimings: boolean) =>
      (await lookup.find(asked(wantsTimings, 'Hello')))?.reply.timings;
    const found = [];
    for (const wantsTimings of [false, true, false, true]) found.push(await times(wantsTimings));
    expect(found).toEqual([undefined, timings, undefined, timings]);
    expect([cache.hits, cache.misses]).toEqual([2, 2]);
  });

  it('counts the memory of its times', async () => {
    const { cache, lookup } = await cachedLookup(1_000_000);
    await lookup.find(asked(false, 'Hello'));
    const without = cache.bytes;
    await lookup.find(asked(true, 'Hello'));
    expect(cache.bytes - without).toBeGreaterThan(without + 64 * timings.length);
  });
});

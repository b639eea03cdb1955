import { rmSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConversation } from '#dist/core/conversation.js';
import { LOOKUPS_MAX } from '#dist/core/limits.js';
import { type Message, type Query, queryOf, valueQuery } from '#dist/core/query.js';
import type { Dataset } from '#dist/dataset/dataset.js';
import { KEY_BITS } from '#dist/kernel/kernel.js';
import { IndexLookup } from '#dist/lookup/indexed.js';
import { LayeredLookup } from '#dist/lookup/layered.js';
import type { Lookup } from '#dist/lookup/lookup.js';
import type { WorkerPool } from '#dist/workers/pool.js';
import { datasetWriter, enginesOf, KERNEL_BYTES, newKernel, poolOf, sweepOf } from '../support/dataset.js';
import { FACTOR, runs } from '../support/factor.js';
import { oddDataset } from '../support/odd-records.js';
import { plainFind, plainFindInLayers, plainFindValue, plainMatch } from '../support/plain-lookup.js';
import { spell, spelling } from '../support/spelling.js';
import { cutTables } from '../support/tables.js';
import { parsePython } from '../support/walked.js';

const write = datasetWriter();

/** Few texts, so that turns are often equal. */
const word = fc.constantFrom(
  ...['a', 'b', 'continue', '', ' a', 'a  b', 'a\nb', '"}]', '😀', 'é\n', '\ud83d'],
  ...['<think>\nx</think>\n\na', ' <think>y</think>a', '<think></think>\ufeffa  b', '<think>x</think>\n'],
  ...['<think>a', 'x</think>a', 'a<think>x</think>a', '<think>x</think>a</think>a'],
);
/** In any order: several turns of a role in a row, system messages in the middle, results of tools, unknown roles. */
const role = fc.constantFrom(
  ...['human', 'gpt', 'gpt', 'system', 'user', 'assistant', 'tool', 'function_call', 'observation', 'x', ''],
  ...[' User ', 'HUMAN', 'Tool_Response', 'tool-response', 'us er', 'userr', 'us\ner', 'user\n', 'use\u0280'],
);
/** What may be beside a text, in any order: reasoning, or nothing that is. */
const reasoning = fc.option(fc.constantFrom<unknown>('', 'b', '"}', '\n\u2028😀', '\ud83d', 1, ['b']));
const turn = fc.record(
  { from: role, value: word, reasoning_content: reasoning, reasoning, thinking: reasoning },
  { requiredKeys: ['from', 'value'] },
);
const record = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record(
      { id: fc.string(), conversations: fc.array(turn, { maxLength: 6 }) },
      { requiredKeys: ['conversations'] },
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom({}, { conversations: 1 }, { conversations: [1] }) },
);
const records = fc.array(record, { minLength: 1, maxLength: 12 });
const message: fc.Arbitrary<Message> = fc.record({
  role: fc.constantFrom('user', 'assistant', 'system'),
  text: word,
});

/** Random messages, or a range of a conversation of the dataset, sometimes after a system message. */
function messagesFrom(dataset: readonly unknown[]): fc.Arbitrary<Message[]> {
  const recorded = dataset.flatMap((each) => {
    const turns = parseConversation(each)?.turns;
    return turns === undefined ? [] : [turns.map(({ value }) => ({ role: 'user', text: value }))];
  });
  const random = fc.array(message, { maxLength: 4 });
  if (recorded.length === 0) return random;
  const stretch = fc.tuple(
    fc.constantFrom(...recorded),
    fc.nat(6),
    fc.nat(6),
    fc.array(message, { maxLength: 1 }),
  );
  return fc.oneof(
    random,
    stretch.map(([turns, from, to, system]) => [
      ...system,
      ...turns.slice(Math.min(from, to), Math.max(from, to)),
    ]),
  );
}

function talk(...values: string[]) {
  return { conversations: values.map((value) => ({ from: 'x', value })) };
}

/** A query for every turn: with all turns before it, and by itself. */
function queriesFor(dataset: readonly unknown[]): Query[] {
  return dataset
    .flatMap((each) => {
      const turns = parseConversation(each)?.turns ?? [];
      return turns.flatMap((_, i) => [turns.slice(0, i + 1), turns.slice(i, i + 1)]);
    })
    .flatMap((turns) => queryOf(turns.map(({ value }) => ({ role: 'user', text: value }))) ?? []);
}

/** Numbers of conversations before which an index is cut into tables. */
const cuts = fc.array(fc.nat(12), { maxLength: 7 });

/** The engines of a dataset; `cut` is an index that is cut into tables. */
async function enginesWith(dataset: Dataset, pool: WorkerPool, at: readonly number[], kernel = newKernel()) {
  const engines = await enginesOf(dataset, pool, kernel);
  const tables = await cutTables(dataset, engines.table, pool, at);
  const cut = new IndexLookup(
    tables.map(({ table }) => table),
    kernel,
    engines.reader,
  );
  return { ...engines, cut };
}

/** Looks up in all engines of one dataset, and in a plain loop over its records. */
async function compare(
  list: readonly unknown[],
  engines: { sweep: Lookup; index: IndexLookup; cut: IndexLookup },
  ask: Ask,
): Promise<void> {
  for (let i = 0; i < 4; i++) {
    const { value, query } = ask();
    const expected = plainFindValue(list, value);
    const plain = query && plainFind(list, query);
    for (const engine of [engines.sweep, engines.index, engines.cut]) {
      expect(plainMatch(await engine.find(valueQuery(value)))?.reply).toEqual(expected);
      if (query !== undefined) expect(plainMatch(await engine.find(query))).toEqual(plain);
    }
  }
}

type Ask = () => { value: string; query: ReturnType<typeof queryOf> };

describe('both engines', () => {
  for (const workers of [1, 2, 3, 5, 9]) {
    it(`find what a plain loop over the parsed file finds, with ${workers} workers`, async () => {
      const pool = poolOf(workers);
      await fc.assert(
        fc.asyncProperty(records, spelling, fc.gen(), async (list, how, gen) => {
          if (!list.some((each) => parseConversation(each))) return;
          const at = gen(() => cuts);
          const engines = await enginesWith(write(spell(list, how)), pool, at);
          await compare(list, engines, () => ({
            value: gen(() => word),
            query: queryOf(gen(messagesFrom, list)),
          }));
          engines.reader.close();
        }),
        runs(20),
      );
    });
  }

  it('find in layers what a plain loop over each of them finds, the better match first', async () => {
    const pool = poolOf(1);
    await fc.assert(
      fc.asyncProperty(fc.array(records, { minLength: 2, maxLength: 4 }), fc.gen(), async (lists, gen) => {
        const layers = lists.filter((list) => list.some((each) => parseConversation(each)));
        const engines = await Promise.all(layers.map((list) => enginesOf(write(JSON.stringify(list)), pool)));
        const lookups = (['sweep', 'index'] as const).map(
          (engine) => new LayeredLookup(() => engines.map((each) => ({ lookup: each[engine] }))),
        );
        for (let i = 0; i < 4; i++) {
          const value = gen(() => word);
          const query = queryOf(gen(messagesFrom, layers.flat()));
          const first = layers
            .map((list) => plainFindValue(list, value))
            .find((reply) => reply !== undefined);
          for (const lookup of lookups) {
            expect(plainMatch(await lookup.find(valueQuery(value)))?.reply).toEqual(first);
            if (query === undefined) continue;
            const { dataset: _, ...match } = plainMatch(await lookup.find(query)) ?? {};
            expect(match).toEqual(plainFindInLayers(layers, query) ?? {});
          }
        }
        for (const { reader } of engines) reader.close();
      }),
      runs(12),
    );
  });

  it.each([KEY_BITS, 1, 2, 5])('find it in unusual files, by keys of %i bits', async (bits) => {
    const pool = poolOf(2, bits);
    await fc.assert(
      fc.asyncProperty(oddDataset, fc.gen(), async ({ content, records, texts }, gen) => {
        if (!records.some((each) => parseConversation(each))) return;
        // A kernel with little memory verifies few turns, and grows.
        const capacity = gen(() => fc.constantFrom(KERNEL_BYTES, KERNEL_BYTES, 64));
        const at = gen(() => cuts);
        const engines = await enginesWith(write(content), pool, at, newKernel(bits, capacity));
        await compare(records, engines, () => ({
          value: gen(() => fc.constantFrom(...texts)),
          query: queryOf(gen(messagesFrom, records)),
        }));
        for (const query of queriesFor(records)) {
          const expected = plainFind(records, query);
          for (const index of [engines.index, engines.cut])
            expect(plainMatch(await index.find(query))).toEqual(expected);
        }
        engines.reader.close();
      }),
      // A counterexample is slow to shrink.
      { ...runs(30), interruptAfterTimeLimit: 20_000 * FACTOR },
    );
  });

  it.each([1, 2, 5])('find the same with keys of %i bits, which collide', async (bits) => {
    const pool = poolOf(2, bits);
    await fc.assert(
      fc.asyncProperty(records, spelling, fc.gen(), async (list, how, gen) => {
        if (!list.some((each) => parseConversation(each))) return;
        const at = gen(() => cuts);
        const engines = await enginesWith(write(spell(list, how)), pool, at, newKernel(bits));
        await compare(list, engines, () => ({
          value: gen(() => word),
          query: queryOf(gen(messagesFrom, list)),
        }));
        engines.reader.close();
      }),
      runs(30),
    );
  });
});

describe('a reply is an assistant’s', () => {
  const pool = poolOf(2);
  const turns = (...list: [from: string, value: string][]) => ({
    conversations: list.map(([from, value]) => ({ from, value })),
  });
  const asksAgain = turns(['human', 'Thank you!'], ['human', 'One more question'], ['gpt', 'Sure.']);
  const spaced = turns(['user', 'Hi'], ['assistant', 'Hello'], ['user', ' Thank  you! '], ['x', 'Bye.']);
  const replied = turns(
    ['human', 'Hi'],
    ['gpt', 'Hello'],
    ['human', 'Thank you!'],
    ['gpt', 'You’re welcome!'],
  );

  /** The reply and its rung in both engines, and to the same text on the legacy API. */
  async function ask(list: readonly unknown[], ...texts: string[]) {
    const engines = await enginesOf(write(JSON.stringify(list)), pool);
    const query = queryOf(texts.map((text) => ({ role: 'user', text }))) as Query;
    const byIndex = plainMatch(await engines.index.find(query));
    expect(plainMatch(await engines.sweep.find(query))).toEqual(byIndex);
    const legacy = await engines.index.find(valueQuery(texts.at(-1) ?? ''));
    expect(plainMatch(await engines.sweep.find(valueQuery(texts.at(-1) ?? '')))).toEqual(plainMatch(legacy));
    engines.reader.close();
    return [byIndex?.rung, byIndex?.reply.value, legacy?.reply.value];
  }

  it('if any turn that matches has one, on whatever rung; the older API takes the first turn', async () => {
    const list = [asksAgain, spaced, replied];
    expect(await ask(list, 'Thank you!')).toEqual(['prompt', 'You’re welcome!', 'One more question']);
    expect(await ask([asksAgain, spaced], 'Thank you!')).toEqual(['normalized', 'Bye.', 'One more question']);
    expect(await ask([asksAgain], 'Thank you!')).toEqual([
      'context',
      'One more question',
      'One more question',
    ]);
  });

  it('even if the conversation before the other turn is equal', async () => {
    const same = turns(['human', 'Hi'], ['gpt', 'Hello'], ['human', 'Thank you!'], ['system', 'Be brief.']);
    const messages = ['Hi', 'Hello', 'Thank you!'];
    expect(await ask([same], ...messages)).toEqual(['context', 'Be brief.', 'Be brief.']);
    expect(await ask([same, replied], ...messages)).toEqual(['context', 'You’re welcome!', 'Be brief.']);
    const elsewhere = turns(['human', 'Thank you!'], ['gpt', 'Any time.']);
    expect(await ask([same, elsewhere], ...messages)).toEqual(['prompt', 'Any time.', 'Be brief.']);
  });

  it.each(['gpt', 'assistant', 'model', 'function_call', 'Function_Call', 'bing', 'narrator', ''])(
    'and the role %j is an assistant’s',
    async (role) => {
      const list = [turns(['human', 'a'], ['human', 'first']), turns(['human', 'a'], [role, 'second'])];
      expect(await ask(list, 'a')).toEqual(['context', 'second', 'first']);
    },
  );

  it.each(['human', ' User', 'input', 'SYSTEM', 'developer', 'tool', 'Observation ', 'function', 'ipython'])(
    'and the role %j is not an assistant’s',
    async (role) => {
      const list = [turns(['human', 'a'], [role, 'first']), turns(['human', 'a'], ['gpt', 'second'])];
      expect(await ask(list, 'a')).toEqual(['context', 'second', 'first']);
      expect(await ask(list.slice(0, 1), 'a')).toEqual(['context', 'first', 'first']);
    },
  );
});

describe('the index, synchronously,', () => {
  const pool = poolOf(1);

  it.each(['x', 'é', '😀', '\n', '"', '\u0001', '\ud83d'])(
    'finds texts of %j about as long as its kernel has room for',
    async (character) => {
      const bytes = (text: string) => Buffer.byteLength(JSON.stringify(text)) - 2;
      const textOf = (length: number) => {
        const count = Math.floor(length / bytes(character));
        return character.repeat(count) + 'x'.repeat(length - count * bytes(character));
      };
      // Some bytes of a turn are not text, and some are reserved for an id nearby.
      const around = [KERNEL_BYTES, KERNEL_BYTES - 4096, KERNEL_BYTES / 3, KERNEL_BYTES / 6];
      const lengths = around.flatMap((length) => [-150, -100, -50, -1, 0, 1].map((more) => length + more));
      const list = lengths.flatMap((length, i) => [
        { id: `id ${i}`, ...talk(textOf(length), textOf(length + 1)) },
        { id: 'near', ...talk(`${i}`, textOf(length)) },
      ]);
      const { table, reader } = await enginesOf(write(JSON.stringify(list)), pool);
      for (const { conversations } of list) {
        // A kernel that has grown has more memory.
        const index = new IndexLookup([table], newKernel(), reader);
        const query = queryOf([{ role: 'user', text: conversations[0]?.value ?? '' }]) as Query;
        expect(plainMatch(await index.find(query))).toEqual(plainFind(list, query));
      }
      reader.close();
    },
  );

  it.each([
    '{"from":"x","value":"a","content":"b"}',
    '{"content":"b","value":"a","from":"x"}',
    '{"from":"x","value":"a","value":"b"}',
    '{"from":"x","value":"a","value":null}',
    '{"from":"x","value":null,"content":"b"}',
    '{"from":"x","role":null,"value":"a"}',
    '{"role":"x","from":null,"content":"a","refusal":null,"value":null}',
    '{"from":"x","value":NaN,"content":"b"}',
    '{"from":"x","value":"a","value":-Infinity}',
    '{"from":"x","from":null,"value":"a"}',
    '{"from":"x","w":NaN,"value":"a"}',
    '{"role":"x","content":null,"refusal":"a"}',
    '{"role":"x","refusal":"a","content":"b"}',
    '{"role":"x","parts":[{"text":"a"},"b"]}',
    '{"role":"x","parts":[{"text":"a"}],"content":"b"}',
    '{"role":"x","content":[{"type":"tool_use","name":"f","input":{"a":1}}]}',
    '5, {"from":"x","value":"a"}, {"from":"x","value":5}',
    '{"from":5,"value":"a"}, {"value":"a"}, NaN, {"from":"x","value":"b"}',
    '{"from":"x","value":"a","c\\u006fntent":"b"}',
    '{"content":"b","v\\u0061lue":"a","from":"x"}',
    '{"from":"x","x":{"value":"b"},"value":"a","y":[{"from":"y","value":"b"}]}',
    '{"role":"x","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}',
    '{"role":"assistant","content":"a","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}]}',
    '{"role":"assistant","content":"a","tool_calls":null}',
    String.raw`{"from":"function_call","value":"{\"name\":\"f\",\"arguments\":{}}"}`,
    String.raw`{"from":"\u0066unction_call","value":"{\"name\":\"f\",\"arguments\":{}}"}`,
  ])('finds the turn %s, and the next one, as a plain loop does', async (turn) => {
    const [before, behind] = ['before', 'behind'].map((value) => JSON.stringify({ from: 'x', value }));
    const content = `[{"id": 7, "conversations": [${before}, ${turn}, ${behind}]}]`;
    const { index } = await enginesOf(write(content), pool);
    const list = parsePython(content) as unknown[];
    for (const query of queriesFor(list))
      expect(plainMatch(await index.find(query))).toEqual(plainFind(list, query));
  });

  it('finds no text that differs in a byte, or only begins like the prompt, even if keys collide', async () => {
    const colliding = poolOf(1, 1);
    for (const length of [1, 2, 15, 16, 17, 31, 32, 33, 50]) {
      const text = 'x'.repeat(length);
      const { index, reader } = await enginesOf(
        write(JSON.stringify([talk(text, 'reply')])),
        colliding,
        newKernel(1),
      );
      const ask = async (asked: string) =>
        (await index.find(queryOf([{ role: 'user', text: asked }]) as Query))?.reply.content.spelled;
      expect(await ask(text)).toBe('"reply"');
      for (let i = 0; i < length; i++) {
        // Usually one of them has the same key.
        for (const other of 'abcd')
          expect(await ask(text.slice(0, i) + other + text.slice(i + 1))).toBeUndefined();
      }
      for (const other of 'abcd') expect(await ask(text + other)).toBeUndefined();
      for (let end = 1; end < length; end++) expect(await ask(text.slice(0, end))).toBeUndefined();
      reader.close();
    }
  });

  it('fails if the file was written to after it was opened', async () => {
    const dataset = write(JSON.stringify([talk('one', 'first')]));
    const { index } = await enginesOf(dataset, pool);
    const query = queryOf([{ role: 'user', text: 'one' }]) as Query;
    expect(index.find(query)).toMatchObject({ reply: { value: 'first' } });
    writeFileSync(dataset.file.path, JSON.stringify([talk('one', 'changed')]));
    expect(() => index.find(query)).toThrow(expect.objectContaining({ code: 'dataset_changed' }));
  });
});

describe.each(['sweep', 'index'] as const)('the engine %s', (name) => {
  const pool = poolOf(2);
  const conversations = Array.from({ length: 500 }, (_, i) => ({
    conversations: [
      { from: 'human', value: `prompt ${i}` },
      { from: 'gpt', value: `reply ${i}` },
    ],
  }));
  const content = JSON.stringify(conversations);

  it('names a conversation without an id by its position in the file', async () => {
    const { [name]: lookup } = await enginesOf(write(content), pool);
    expect(await lookup.find(valueQuery('prompt 321'))).toMatchObject({
      conversationId: '321',
      replyIndex: 1,
    });
  });

  it('answers many queries at once, each with its own reply', async () => {
    const { [name]: lookup } = await enginesOf(write(content), pool);
    const found = await Promise.all(conversations.map((_, i) => lookup.find(valueQuery(`prompt ${i}`))));
    expect(found.map((match) => match?.reply.value)).toEqual(conversations.map((_, i) => `reply ${i}`));
  });

  it('finds texts longer than a block, and across the cuts between shards', async () => {
    const long = Array.from({ length: 30 }, (_, i) => `${i} é\n"${'x'.repeat(900_000)}" ${i}`);
    const list = long.map((value) => ({
      conversations: [
        { from: 'a', value },
        { from: 'b', value: value.slice(0, 20) },
      ],
    }));
    const { [name]: lookup } = await enginesOf(write(JSON.stringify(list, null, 2)), pool);
    for (const [i, value] of long.entries()) {
      expect(await lookup.find(valueQuery(value))).toMatchObject({ conversationId: String(i) });
    }
    expect(await lookup.find(valueQuery(`${long[3]} `))).toBeUndefined();
  });

  it.each([17, 18, 19, 20, 21])(
    'finds a text with a pair of escapes after %i escaped spaces on the rung normalized',
    async (spaces) => {
      // At one of these lengths, the read of a text's beginning ends between the surrogate halves.
      const value = `${'\\u0020'.repeat(spaces)}abcd\\ud83d\\ude00`;
      const record = `{"conversations": [{"from": "a", "value": "${value}"}, {"from": "b", "value": "here"}]}`;
      const { [name]: lookup } = await enginesOf(write(`[${record}]`), pool);
      expect(await lookup.find(valueQuery('abcd😀'))).toBeUndefined();
      const query = queryOf([{ role: 'user', text: 'abcd😀' }]) as Query;
      expect(await lookup.find(query)).toMatchObject({ rung: 'normalized', reply: { value: 'here' } });
    },
  );

  it('finds each of very many short conversations, before and after one longer than a block', async () => {
    const conversation = (value: string, i: number) => ({
      conversations: [
        { from: 'a', value },
        { from: 'b', value: `reply ${i}` },
      ],
    });
    const list = Array.from({ length: 30_000 }, (_, i) => conversation(`prompt ${i}`, i));
    list[20_000] = conversation('x'.repeat(5_000_000), 20_000);
    const { [name]: lookup } = await enginesOf(write(JSON.stringify(list)), pool);
    for (const i of [0, 1, 8191, 8192, 16_383, 16_384, 19_999, 20_001, 29_999]) {
      expect(await lookup.find(valueQuery(`prompt ${i}`))).toMatchObject({
        conversationId: String(i),
        reply: { value: `reply ${i}` },
      });
    }
    expect(await lookup.find(valueQuery('prompt 20000'))).toBeUndefined();
  });

  it('finds one of very many equal prompts by its context', async () => {
    const list = Array.from({ length: 20_000 }, (_, i) => ({
      conversations: [`start ${i % 10_000}`, `more ${i}`, 'continue', 'continue', `reply ${i}`].map(
        (value) => ({ from: 'x', value }),
      ),
    }));
    const { [name]: lookup } = await enginesOf(write(JSON.stringify(list)), pool);
    const ask = (...texts: string[]) =>
      lookup.find(queryOf(texts.map((text) => ({ role: 'user', text }))) as Query);
    expect(await ask('start 17', 'more 10017', 'continue', 'continue')).toMatchObject({
      rung: 'context',
      conversationId: '10017',
      replyIndex: 4,
    });
    expect(await ask('x', 'more 15000', 'continue', 'continue')).toMatchObject({
      rung: 'context',
      conversationId: '15000',
      replyIndex: 4,
    });
    expect(await ask('continue')).toMatchObject({ rung: 'prompt', conversationId: '0', replyIndex: 3 });
    expect(await ask('continue\n')).toMatchObject({ rung: 'normalized', conversationId: '0', replyIndex: 3 });
  });

  it('fails without an answer if the file was written to after it was opened', async () => {
    const dataset = write(content);
    const { [name]: lookup } = await enginesOf(dataset, pool);
    writeFileSync(dataset.file.path, JSON.stringify([...conversations].reverse()));
    await expect((async () => lookup.find(valueQuery('prompt 1')))()).rejects.toMatchObject({
      code: 'dataset_changed',
    });
  });
});

describe('sweeps', () => {
  const pool = poolOf(2);
  const content = JSON.stringify(
    Array.from({ length: 500 }, (_, i) => ({
      conversations: [
        { from: 'a', value: `prompt ${i}` },
        { from: 'b', value: `reply ${i}` },
      ],
    })),
  );

  it('are rejected when too many wait, and accepted again after that', async () => {
    const { sweep } = sweepOf(write(content), pool);
    const leave = new AbortController();
    const waiting = Array.from({ length: LOOKUPS_MAX }, () =>
      sweep.find(valueQuery('nowhere'), () => leave.signal),
    );
    await expect(sweep.find(valueQuery('prompt 1'))).rejects.toMatchObject({ code: 'overloaded' });
    leave.abort(new Error('left'));
    const settled = await Promise.allSettled(waiting);
    expect(settled.filter(({ status }) => status === 'rejected')).toHaveLength(LOOKUPS_MAX);
    expect(await sweep.find(valueQuery('prompt 1'))).toMatchObject({ reply: { value: 'reply 1' } });
  });

  it('are shared by all lookups that wait when one starts', async () => {
    let tasks = 0;
    const counting = Object.create(pool, {
      sweepShard: {
        value: (task: Parameters<typeof pool.sweepShard>[0]) => {
          tasks++;
          return pool.sweepShard(task);
        },
      },
    }) as typeof pool;
    const { sweep, plan } = sweepOf(write(content), counting);
    await Promise.all(Array.from({ length: 100 }, (_, i) => sweep.find(valueQuery(`nowhere ${i}`))));
    expect(tasks).toBe(plan.count);
  });

  it('leave out aborted lookups, and answer the others', async () => {
    const { sweep } = sweepOf(write(content), pool);
    const leave = new AbortController();
    const left = sweep.find(valueQuery('prompt 1'), () => leave.signal);
    const stayed = sweep.find(valueQuery('prompt 2'));
    leave.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    expect(await stayed).toMatchObject({ reply: { value: 'reply 2' } });
  });

  it('fail when the file is gone', async () => {
    const dataset = write(content);
    const { sweep } = sweepOf(dataset, pool);
    rmSync(dataset.file.path);
    await expect(sweep.find(valueQuery('prompt 1'))).rejects.toMatchObject({ code: 'dataset_unreadable' });
  });
});

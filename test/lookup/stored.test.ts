/** Lookups in a store, compared with a plain loop and with the index. */

import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseConversation } from '#dist/core/conversation.js';
import { type Query, queryOf, valueQuery } from '#dist/core/query.js';
import { withoutThinking } from '#dist/core/thinking.js';
import type { Lookup } from '#dist/lookup/lookup.js';
import type { StoreConnection } from '#dist/store/connection.js';
import { datasetWriter, enginesOf, poolOf } from '../support/dataset.js';
import { runs } from '../support/factor.js';
import { plainFind, plainFindValue, plainMatch } from '../support/plain-lookup.js';
import { RedisCluster, RedisServer } from '../support/redis.js';
import { spell, spelling } from '../support/spelling.js';
import { connectedTo, storedLookup } from '../support/stored.js';

const write = datasetWriter();
const pool = poolOf(2);

/** Few texts, so that turns are often equal. */
const word = fc.constantFrom('a', 'b', 'continue', '', ' a', 'a  b', 'a\nb', '"}]', '😀', 'é\n', '\ud83d');
const role = fc.constantFrom('human', 'gpt', 'gpt', 'system', 'user', 'assistant', 'tool', 'x');
const turn = fc.record({ from: role, value: word });
/** Clients don't send thinking back. What a store finds if they do, decision 0023 says. */
const thought = fc.record({
  from: fc.constant('gpt'),
  value: fc.constantFrom('<think>x</think>a', '<think>\ny</think>\n\nb', '<think>a'),
});
const record = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record(
      { id: fc.string(), conversations: fc.array(fc.oneof(turn, turn, turn, thought), { maxLength: 8 }) },
      { requiredKeys: ['conversations'] },
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom<unknown>({}, { conversations: 1 }, { conversations: [1] }) },
);
const records = fc.array(record, { minLength: 1, maxLength: 40 });

/** Random messages, or a range of a conversation, sometimes after a system message. */
function messagesFrom(list: readonly unknown[]) {
  const message = fc.record({ role: fc.constantFrom('user', 'assistant', 'system'), text: word });
  const recorded = list.flatMap((each) => {
    const turns = parseConversation(each)?.turns ?? [];
    return turns.length === 0
      ? []
      : [turns.map(({ value }) => ({ role: 'user', text: withoutThinking(value) }))];
  });
  const random = fc.array(message, { maxLength: 4 });
  if (recorded.length === 0) return random;
  const stretch = fc.tuple(
    fc.constantFrom(...recorded),
    fc.nat(7),
    fc.nat(7),
    fc.array(message, { maxLength: 1 }),
  );
  return fc.oneof(
    random,
    stretch.map(([turns, from, to, system]) => [
      ...system,
      ...turns.slice(Math.min(from, to), Math.max(from, to) + 1),
    ]),
  );
}

const talk = (...values: readonly string[]) => ({
  conversations: values.map((value, i) => ({ from: i % 2 === 0 ? 'narrator' : 'gpt', value })),
});

const asked = (...texts: readonly string[]) =>
  queryOf(texts.map((text) => ({ role: 'user', text }))) as Query;

async function compare(list: readonly unknown[], lookup: Lookup, gen: fc.GeneratorValue): Promise<void> {
  for (let i = 0; i < 12; i++) {
    const value = gen(() => word);
    // The legacy API compares thinking, too.
    if (!JSON.stringify(list).includes('<think>'))
      expect(plainMatch(await lookup.find(valueQuery(value)))?.reply).toEqual(plainFindValue(list, value));
    const query = queryOf(gen(messagesFrom, list));
    if (query !== undefined) expect(plainMatch(await lookup.find(query))).toEqual(plainFind(list, query));
  }
}

describe.each(['one server', 'a cluster'])('in a store of %s, a lookup', (kind) => {
  let connection: StoreConnection;
  beforeAll(async () => {
    const { url } = kind === 'a cluster' ? await RedisCluster.start(0) : await RedisServer.start();
    connection = await connectedTo(url);
  });

  it('finds what a plain loop over the parsed file finds', async () => {
    await fc.assert(
      fc.asyncProperty(records, spelling, fc.gen(), async (list, how, gen) => {
        if (!list.some((each) => parseConversation(each))) return;
        const { lookup } = await storedLookup(connection, [write(spell(list, how))], pool);
        await compare(list, lookup, gen);
      }),
      runs(25),
    );
  });

  it('finds the same in several files as in one that has all of them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(records, { minLength: 2, maxLength: 3 }), fc.gen(), async (lists, gen) => {
        const files = lists
          .filter((list) => list.some((each) => parseConversation(each)))
          // Without an id, a conversation is named by its place in its file.
          .map((list, i) => list.map((each, n) => ({ ...(each as object), id: `${i}-${n}` })));
        if (files.length === 0) return;
        const datasets = files.map((list) => write(JSON.stringify(list)));
        const { lookup } = await storedLookup(connection, datasets, pool);
        await compare(files.flat(), lookup, gen);
      }),
      runs(10),
    );
  });

  it('names a conversation without an id by its place in its file', async () => {
    const datasets = [
      [talk('a', 'b'), talk('c', 'd')],
      [{}, talk('e', 'f')],
    ].map((list) => write(JSON.stringify(list)));
    const { lookup } = await storedLookup(connection, datasets, pool);
    expect(await lookup.find(asked('c'))).toMatchObject({ conversationId: '1' });
    expect(await lookup.find(asked('e'))).toMatchObject({ conversationId: '1', reply: { value: 'f' } });
  });

  it('finds one of very many equal prompts by the turns before it, as the index does', async () => {
    const list = Array.from({ length: 20_000 }, (_, i) =>
      talk(`start ${i % 10_000}`, `more ${i}`, 'continue', 'go', 'continue', `reply ${i}`),
    );
    const dataset = write(JSON.stringify(list));
    const { lookup } = await storedLookup(connection, [dataset], pool);
    const { index } = await enginesOf(dataset, pool);
    for (const texts of [
      ['start 17', 'more 10017', 'continue'],
      ['start 17', 'more 10017', 'continue', 'go', 'continue'],
      ['x', 'more 15000', 'continue', 'go', 'continue'],
      ['more 15000', 'continue', 'go', 'continue'],
      ['x', 'continue', 'go', 'continue'],
      ['continue'],
      ['continue\n'],
      ['start 9999'],
    ])
      expect(plainMatch(await lookup.find(asked(...texts)))).toEqual(
        plainMatch(await index.find(asked(...texts))),
      );
  });

  it('finds a conversation of 1,000 turns from its start, and the run of 63 turns before a prompt', async () => {
    const texts = Array.from({ length: 1000 }, (_, i) => `turn ${i}`);
    const list = [talk('other', ...texts.slice(700)), talk(...texts), talk(...texts.slice(1))];
    const { lookup } = await storedLookup(connection, [write(JSON.stringify(list))], pool);
    const find = async (from: number, to: number) => lookup.find(asked(...texts.slice(from, to)));
    expect(await find(0, 900)).toMatchObject({ rung: 'context', conversationId: '1', replyIndex: 900 });
    expect(await find(1, 900)).toMatchObject({ rung: 'context', conversationId: '2', replyIndex: 899 });
    expect(await find(640, 703)).toMatchObject({ rung: 'context', conversationId: '1', replyIndex: 703 });
    expect(await find(837, 900)).toMatchObject({ rung: 'context', conversationId: '0', replyIndex: 201 });
  });
});

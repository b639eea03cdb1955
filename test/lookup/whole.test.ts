/** Recordings, against a plain loop over the parsed records from the last to the first. */

import { renameSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConversation } from '#dist/core/conversation.js';
import { RECORDINGS_COMPARED_MAX } from '#dist/core/limits.js';
import { type Message, type Query, queryOf } from '#dist/core/query.js';
import { type Dataset, openDataset } from '#dist/dataset/dataset.js';
import { KEY_BITS } from '#dist/kernel/kernel.js';
import { CurrentLookup } from '#dist/lookup/current.js';
import { Edition } from '#dist/lookup/edition.js';
import { WholeLookup } from '#dist/lookup/whole.js';
import type { WorkerPool } from '#dist/workers/pool.js';
import { datasetWriter, enginesOf, newKernel, poolOf } from '../support/dataset.js';
import { runs } from '../support/factor.js';
import { plainMatch } from '../support/plain-lookup.js';
import { spell, spelling } from '../support/spelling.js';
import { cutTables } from '../support/tables.js';

const write = datasetWriter();

const recording = (id: string, ...texts: string[]) => ({
  id,
  conversations: texts.map((value, i) => ({ from: i % 2 === 0 ? 'human' : 'gpt', value })),
});
const linesOf = (list: readonly object[]) => list.map((each) => `${JSON.stringify(each)}\n`).join('');

function queryFor(messages: readonly Message[], key: string): Query | undefined {
  const query = queryOf(messages);
  return query && { ...query, recordingKeys: () => [key] };
}
const chat = (...texts: string[]) =>
  texts.map((text, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', text }));

/** Recordings in a file, in tables that are cut before some conversations. */
async function openWhole(
  content: string | Buffer,
  cuts: readonly number[],
  pool: WorkerPool,
  bits = KEY_BITS,
) {
  const dataset = write(content);
  const kernel = newKernel(bits);
  const { table, reader } = await enginesOf(dataset, pool, kernel);
  const tables = (await cutTables(dataset, table, pool, cuts)).map((each) => each.table);
  const whole = new WholeLookup(tables, kernel, reader);
  return { whole, close: () => reader.close() };
}

/** The same by a plain loop. */
function plainWhole(list: readonly unknown[], { histories }: Query, key: string) {
  for (const record of list.toReversed()) {
    const { turns = [], id } = parseConversation(record) ?? {};
    if (id !== key) continue;
    for (let i = turns.length - 2; i >= 0; i--) {
      const spoken = turns
        .slice(0, i + 1)
        .map(({ value }) => value)
        .filter((text) => text !== '');
      const isSpoken = turns[i]?.value !== '';
      if (!isSpoken || !histories.some((history) => JSON.stringify(history) === JSON.stringify(spoken)))
        continue;
      return {
        rung: 'context',
        conversationId: id,
        replyIndex: i + 1,
        reply: { value: turns[i + 1]?.value },
      };
    }
  }
  return undefined;
}

describe('a recording', () => {
  it.each([KEY_BITS, 1, 5])('is found as a plain loop finds it, by keys of %i bits', async (bits) => {
    const pool = poolOf(2, bits);
    const word = fc.constantFrom('a', 'b', 'a ', '', '😀\n"');
    const turn = fc.record({ from: fc.constantFrom('human', 'gpt', 'system'), value: word });
    const record = fc.record(
      { id: fc.constantFrom('one', 'two', '\n"é'), conversations: fc.array(turn, { maxLength: 4 }) },
      { requiredKeys: ['conversations'] },
    );
    const message = fc.record({ role: fc.constantFrom('user', 'assistant', 'system'), text: word });
    const asked = fc.array(
      fc.tuple(fc.array(message, { minLength: 1, maxLength: 3 }), fc.constantFrom('one', 'two', '\n"é', '0')),
      { minLength: 1, maxLength: 8 },
    );
    const list = fc.array(record, { minLength: 1, maxLength: 14 });
    const cuts = fc.array(fc.nat(14), { maxLength: 7 });
    await fc.assert(
      fc.asyncProperty(list, spelling, cuts, asked, async (list, how, cut, chats) => {
        if (!list.some((each) => parseConversation(each))) return;
        const { whole, close } = await openWhole(spell(list, how), cut, pool, bits);
        for (const [messages, key] of chats) {
          const query = queryFor(messages, key);
          if (query === undefined) continue;
          const match = plainMatch(await whole.find(query));
          const expected = plainWhole(list, query, key);
          if (expected === undefined) expect(match).toBeUndefined();
          else expect(match).toMatchObject(expected);
        }
        close();
      }),
      runs(60),
    );
  });

  const pool = poolOf(1);
  const replyTo = async (list: readonly object[], messages: readonly Message[], key: string, cuts = [1]) => {
    const { whole, close } = await openWhole(linesOf(list), cuts, pool);
    const match = await whole.find(queryFor(messages, key) as Query);
    close();
    return match?.reply.value;
  };

  it('answers only the request with its id', async () => {
    const list = [recording('one', 'hi', 'first'), recording('two', 'hi', 'second')];
    expect(await replyTo(list, chat('hi'), 'one')).toBe('first');
    expect(await replyTo(list, chat('hi'), 'two')).toBe('second');
    expect(await replyTo(list, chat('hi'), 'three')).toBeUndefined();
  });

  it('answers only the same texts, even if the id is equal', async () => {
    const list = [recording('one', 'hi', 'first'), recording('one', 'other', 'second')];
    expect(await replyTo(list, chat('hi '), 'one')).toBeUndefined();
    expect(await replyTo(list, chat('Hi'), 'one')).toBeUndefined();
  });

  it('answers only the same system message', async () => {
    const system = (text: string, value: string) => ({
      id: 'one',
      messages: [
        { role: 'system', content: text },
        { role: 'user', content: 'hi' },
        { role: 'assistant', content: value },
      ],
    });
    const ask = (text: string) => [{ role: 'system', text }, ...chat('hi')];
    const list = [system('Be brief.', 'Hi.'), system('Be kind.', 'Hello, dear!')];
    expect(await replyTo(list, ask('Be brief.'), 'one')).toBe('Hi.');
    expect(await replyTo(list, ask('Be kind.'), 'one')).toBe('Hello, dear!');
    expect(await replyTo(list, ask('Be quick.'), 'one')).toBeUndefined();
    expect(await replyTo(list, chat('hi'), 'one')).toBeUndefined();
  });

  it('gives way to a newer one', async () => {
    const list = [
      recording('one', 'hi', 'old'),
      recording('two', 'hi', 'other'),
      recording('one', 'hi', 'new'),
      recording('two', 'other', 'other'),
    ];
    for (const cuts of [[], [1], [2], [3], [1, 2, 3]])
      expect(await replyTo(list, chat('hi'), 'one', cuts)).toBe('new');
  });

  it('does not answer a request for another part of its conversation', async () => {
    const list = [recording('long', 'hi', 'Hello.', 'more', 'Yes.')];
    expect(await replyTo(list, chat('hi', 'Hello.', 'more'), 'long')).toBe('Yes.');
    expect(await replyTo(list, chat('hi'), 'short')).toBeUndefined();
    expect(await replyTo(list, chat('more'), 'long')).toBeUndefined();
    expect(await replyTo(list, chat('before', 'x', 'hi', 'Hello.', 'more'), 'long')).toBeUndefined();
  });

  it('answers no request without a key, and asks for the key only if there is one with the same texts', async () => {
    const { whole, close } = await openWhole(linesOf([recording('one', 'hi', 'first')]), [], pool);
    expect(await whole.find(queryOf(chat('hi')) as Query)).toBeUndefined();
    let calls = 0;
    const recordingKeys = () => {
      calls++;
      return ['one'];
    };
    for (const text of ['hello', 'hi ']) {
      const query = queryOf(chat(text)) as Query;
      expect(await whole.find({ ...query, recordingKeys })).toBeUndefined();
    }
    expect(calls).toBe(0);
    expect(await whole.find({ ...(queryOf(chat('hi')) as Query), recordingKeys })).toBeDefined();
    expect(calls).toBe(1);
    close();
  });

  it('is looked for among a thousand with the same texts', async () => {
    const older = recording('sought', 'hi', 'found');
    const newer = Array.from({ length: RECORDINGS_COMPARED_MAX }, (_, i) => recording(`${i}`, 'hi', 'x'));
    expect(await replyTo([older, ...newer.slice(1)], chat('hi'), 'sought')).toBe('found');
    expect(await replyTo([older, ...newer], chat('hi'), 'sought')).toBeUndefined();
  });

  it('has its times if the request wants them, and the counts of its tokens', async () => {
    const messages = [
      { role: 'user', content: 'hi' },
      {
        role: 'assistant',
        content: 'Hello.',
        timings: [
          [10, 3],
          [15, 3],
        ],
      },
    ];
    const { whole, close } = await openWhole(linesOf([{ id: 'one', messages }]), [], pool);
    const query = queryFor(chat('hi'), 'one') as Query;
    const plain = await whole.find(query);
    expect(plain?.reply.timings).toBeUndefined();
    expect(plain?.tokens?.messages()).toHaveLength(1);
    const timed = await whole.find({ ...query, wantsTimings: true });
    expect(timed?.reply.timings).toEqual([
      [10, 3],
      [15, 3],
    ]);
    close();
  });

  it('is found in a table that the index gets later', async () => {
    const kernel = newKernel();
    const dataset = write(linesOf([recording('one', 'hi', 'old'), recording('one', 'hi', 'new')]));
    const { table, reader } = await enginesOf(dataset, pool, kernel);
    const tables = (await cutTables(dataset, table, pool, [1])).map((each) => each.table);
    const edition = new Edition(dataset, kernel);
    for (const [count, reply] of ['old', 'new'].entries()) {
      edition.useIndex(tables.slice(0, count + 1));
      const match = await edition.findWhole(queryFor(chat('hi'), 'one') as Query);
      expect(match?.reply.value).toBe(reply);
    }
    edition.close();
    reader.close();
  });

  it('of a file that was replaced is looked for in the new file', async () => {
    const kernel = newKernel();
    const first = write(linesOf([recording('one', 'hi', 'first')]));
    const editionOf = async (dataset: Dataset) => {
      const { table, reader } = await enginesOf(dataset, pool, kernel);
      reader.close();
      const edition = new Edition(dataset, kernel);
      edition.useIndex([table]);
      return edition;
    };
    const { path } = first.file;
    const edition = await editionOf(first);
    const other = write(linesOf([recording('one', 'hi', 'second'), recording('two', 'hi', 'more')]));
    const { path: otherPath } = other.file;
    let next: Edition | undefined;
    const lookup = new CurrentLookup(
      edition,
      kernel,
      {
        lookAtFile: () => next && lookup.replaceBy(next),
        trapped: (trap) => {
          throw trap;
        },
      },
      'findWhole',
    );
    const ask = async (key: string) => (await lookup.find(queryFor(chat('hi'), key) as Query))?.reply.value;
    expect(await ask('one')).toBe('first');
    renameSync(otherPath, path);
    next = await editionOf(openDataset(path));
    expect(await ask('two')).toBe('more');
    expect(await ask('one')).toBe('second');
    edition.close();
    next.close();
  });
});

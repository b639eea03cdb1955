import { rmSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LOOKUPS_MAX } from '#dist/core/limits.js';
import { type Message, queryOf, valueQuery } from '#dist/core/query.js';
import { datasetWriter, enginesOf, poolOf } from '../support/dataset.js';
import { plainFind, plainFindValue } from '../support/plain-lookup.js';
import { spell, spelling } from '../support/spelling.js';

const write = datasetWriter();

/** Few texts, so that turns are often equal. */
const word = fc.constantFrom('a', 'b', 'continue', '', ' a', '"}]', '😀', 'é\n');
const turn = fc.record({ from: fc.constantFrom('human', 'gpt', 'system'), value: word });
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

/** Messages at random, or a stretch of a conversation of the dataset, perhaps after a system message. */
function messagesFrom(dataset: readonly unknown[]): fc.Arbitrary<Message[]> {
  const recorded = dataset.flatMap((each) => {
    const { conversations } = each as { conversations?: { value: string }[] };
    return Array.isArray(conversations)
      ? [conversations.map(({ value }) => ({ role: 'user', text: value }))]
      : [];
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

describe('a lookup by sweep', () => {
  for (let workers = 1; workers <= 9; workers++) {
    it(`finds what a plain loop over the parsed file finds, with ${workers} workers`, async () => {
      const pool = poolOf(workers);
      await fc.assert(
        fc.asyncProperty(records, spelling, fc.gen(), async (list, how, gen) => {
          const { lookup } = await enginesOf(write(spell(list, how)), pool);
          for (let i = 0; i < 4; i++) {
            const value = gen(() => word);
            expect((await lookup.find(valueQuery(value)))?.reply).toEqual(plainFindValue(list, value));
            const query = queryOf(gen(messagesFrom, list));
            if (query !== undefined) expect(await lookup.find(query)).toEqual(plainFind(list, query));
          }
        }),
        { numRuns: 60 },
      );
    });
  }

  const pool = poolOf(2);
  const conversations = Array.from({ length: 500 }, (_, i) => ({
    conversations: [
      { from: 'human', value: `prompt ${i}` },
      { from: 'gpt', value: `reply ${i}` },
    ],
  }));
  const content = JSON.stringify(conversations);

  it('names a conversation that has no id by its place in the file', async () => {
    const { lookup } = await enginesOf(write(content), pool);
    expect(await lookup.find(valueQuery('prompt 321'))).toMatchObject({
      conversationId: '321',
      replyIndex: 1,
    });
  });

  it('answers many at once, each with its own reply', async () => {
    const { lookup } = await enginesOf(write(content), pool);
    const found = await Promise.all(conversations.map((_, i) => lookup.find(valueQuery(`prompt ${i}`))));
    expect(found.map((match) => match?.reply.value)).toEqual(conversations.map((_, i) => `reply ${i}`));
  });

  it('is refused when too many wait, and served again after that', async () => {
    const { lookup } = await enginesOf(write(content), pool);
    const leave = new AbortController();
    const waiting = Array.from({ length: LOOKUPS_MAX }, () =>
      lookup.find(valueQuery('nowhere'), leave.signal),
    );
    await expect(lookup.find(valueQuery('prompt 1'))).rejects.toMatchObject({ code: 'overloaded' });
    leave.abort(new Error('left'));
    const settled = await Promise.allSettled(waiting);
    expect(settled.filter(({ status }) => status === 'rejected')).toHaveLength(LOOKUPS_MAX);
    expect(await lookup.find(valueQuery('prompt 1'))).toMatchObject({ reply: { value: 'reply 1' } });
  });

  it('fails, and gives no answer, when the file was written to after it was cut', async () => {
    const dataset = write(content);
    const { lookup } = await enginesOf(dataset, pool);
    writeFileSync(dataset.file.path, JSON.stringify([...conversations].reverse()));
    await expect(lookup.find(valueQuery('prompt 1'))).rejects.toMatchObject({ code: 'dataset_changed' });
  });

  it('fails when the file is gone', async () => {
    const dataset = write(content);
    const { lookup } = await enginesOf(dataset, pool);
    rmSync(dataset.file.path);
    await expect(lookup.find(valueQuery('prompt 1'))).rejects.toMatchObject({ code: 'dataset_unreadable' });
  });

  it('fails when a task cannot run, and finds again after that', async () => {
    const { lookup } = await enginesOf(write(content), poolOf(1));
    // A prompt that can't be copied to a thread stands for whatever may break a task.
    const broken = { histories: [[() => 'x']], contextual: false } as unknown as ReturnType<
      typeof valueQuery
    >;
    await expect(lookup.find(broken)).rejects.toMatchObject({ code: 'worker_failed' });
    expect(await lookup.find(valueQuery('prompt 7'))).toMatchObject({ reply: { value: 'reply 7' } });
  });
});

/** Conversations whose assistant thinks, asked with and without the thinking, by both engines. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Message, type Query, queryOf, valueQuery } from '#dist/core/query.js';
import { KEY_BITS } from '#dist/kernel/kernel.js';
import type { Match } from '#dist/lookup/lookup.js';
import { datasetWriter, enginesOf, newKernel, poolOf } from '../support/dataset.js';
import { runs } from '../support/factor.js';
import { plainFind, plainMatch } from '../support/plain-lookup.js';
import { spell, spelling } from '../support/spelling.js';

const write = datasetWriter();

interface Exchange {
  readonly prompt: string;
  readonly thinking: string;
  readonly space: string;
  readonly answer: string;
}

const exchange: fc.Arbitrary<Exchange> = fc.record({
  prompt: fc.constantFrom('go on', 'and  now?', 'why'),
  thinking: fc.constantFrom(
    ...['', '\nhm\n', ' <b>hm</b> ', '<think>', '</thinking> < /think> </think', '\\"', '日本'],
    ...['x'.repeat(100), '</p>'.repeat(40)],
  ),
  space: fc.constantFrom('', '\n\n', ' ', '\r\n\t', '\u3000'),
  answer: fc.constantFrom('yes', 'no', 'yes  <no>', 'a</think>b', '<think>', '日本\n'),
});
const conversations = fc.array(fc.array(exchange, { minLength: 1, maxLength: 4 }), {
  minLength: 1,
  maxLength: 6,
});

const thought = ({ thinking, space, answer }: Exchange) => `<think>${thinking}</think>${space}${answer}`;
const answer = (one: Exchange) => one.answer;
const indented = ({ space, answer }: Exchange) => space + answer;

/** The dataset, with the texts of the assistant's turns as given. */
function recordsOf(list: readonly Exchange[][], textOf: (one: Exchange) => string) {
  return list.map((exchanges) => ({
    conversations: exchanges.flatMap((one) => [
      { from: 'human', value: one.prompt },
      { from: 'gpt', value: textOf(one) },
    ]),
  }));
}

/** A query for each prompt, and for each answer that is sent as a prompt. */
function queriesOf(list: readonly Exchange[][], textOf: (one: Exchange) => string): Query[] {
  return list.flatMap((exchanges) => {
    const messages: Message[] = exchanges.flatMap((one) => [
      { role: 'user', text: one.prompt },
      { role: 'assistant', text: textOf(one) },
    ]);
    return messages.flatMap((_, i) => {
      const last = { role: 'user', text: messages[i]?.text ?? '' };
      return [0, 1, i].flatMap((from) => queryOf([...messages.slice(from, i), last]) ?? []);
    });
  });
}

const place = (match: Match | undefined) =>
  match && { rung: match.rung, id: match.conversationId, turn: match.replyIndex };

describe('a conversation with thinking', () => {
  it.each([KEY_BITS, 2])('matches as one without does, by keys of %i bits', async (bits) => {
    const pool = poolOf(2, bits);
    await fc.assert(
      fc.asyncProperty(conversations, spelling, fc.nat(), async (list, how, at) => {
        const plain = recordsOf(list, answer);
        const records = recordsOf(list, thought);
        const { index, sweep, reader } = await enginesOf(write(spell(records, how)), pool, newKernel(bits));
        const expected = queriesOf(list, answer).map((query) => {
          const match = plainFind(plain, query);
          return match && { rung: match.rung, id: match.conversationId, turn: match.replyIndex };
        });
        for (const textOf of [answer, thought]) {
          const queries = queriesOf(list, textOf);
          for (const [i, query] of queries.entries()) {
            expect(place(await index.find(query))).toEqual(expected[i]);
            expect(plainMatch(await index.find(query))).toEqual(plainFind(records, query));
          }
          const i = at % queries.length;
          expect(place(await sweep.find(queries[i] as Query))).toEqual(expected[i]);
        }
        reader.close();
      }),
      runs(40),
    );
  });

  it('matches without the thinking, but with the white space after it', async () => {
    const pool = poolOf(1);
    const list = ['one', 'two'].map((answer) => [
      { prompt: 'hello', thinking: 'hm', space: '\n\n', answer },
      { prompt: 'go on', thinking: '', space: '', answer: `after ${answer}` },
    ]);
    const { index, sweep } = await enginesOf(write(JSON.stringify(recordsOf(list, thought))), pool);
    for (const [i, exchanges] of list.entries()) {
      const [first, second] = exchanges as [Exchange, Exchange];
      const query = queryOf([
        { role: 'user', text: first.prompt },
        { role: 'assistant', text: indented(first) },
        { role: 'user', text: second.prompt },
      ]) as Query;
      const expected = { rung: 'context', id: String(i), turn: 3 };
      expect(place(await index.find(query))).toEqual(expected);
      expect(place(await sweep.find(query))).toEqual(expected);
    }
  });
});

const HOW: Record<string, (json: string) => string> = {
  'as they are': (json) => json,
  'as escapes': (json) => json.replaceAll('<', '\\u003c').replaceAll('>', '\\u003e'),
  'with escaped slashes': (json) => json.replaceAll('/', '\\/'),
};

describe.each(Object.entries(HOW))('tags %s', (_name, respell) => {
  it.each([0, 1, 200, 2_000_000])('are found around %i characters of thinking', async (length) => {
    const pool = poolOf(1);
    const thinking = '< and </thin, '.repeat(Math.ceil(length / 14)).slice(0, length);
    const list = ['one', 'two', '世'].map((answer) => [
      { prompt: 'hello', thinking, space: '\n\n', answer },
      { prompt: 'go on', thinking: '', space: '', answer: `after ${answer}` },
    ]);
    const content = respell(JSON.stringify(recordsOf(list, thought)));
    const { index, sweep } = await enginesOf(write(content), pool);
    for (const [i, exchanges] of list.entries()) {
      for (const textOf of [answer, thought]) {
        const [first, second] = exchanges as [Exchange, Exchange];
        const query = queryOf([
          { role: 'user', text: first.prompt },
          { role: 'assistant', text: textOf(first) },
          { role: 'user', text: second.prompt },
        ]) as Query;
        const expected = { rung: 'context', id: String(i), turn: 3 };
        expect(place(await index.find(query))).toEqual(expected);
        expect(place(await sweep.find(query))).toEqual(expected);
      }
    }
  });
});

describe('texts are compared with their thinking', () => {
  const pool = poolOf(1);
  const talk = (...turns: [from: string, value: string][]) => ({
    conversations: turns.map(([from, value]) => ({ from, value })),
  });

  it('if a user wrote them', async () => {
    const { index, sweep } = await enginesOf(
      write(
        JSON.stringify([
          talk(['human', '<think>x</think>Rate this'], ['gpt', 'of x']),
          talk(['human', '<think>y</think>Rate this'], ['gpt', 'of y']),
        ]),
      ),
      pool,
    );
    const ask = async (text: string) => {
      const query = queryOf([{ role: 'user', text }]) as Query;
      const found = await index.find(query);
      expect(plainMatch(await sweep.find(query))).toEqual(plainMatch(found));
      return found && [found.rung, found.reply.value];
    };
    expect(await ask('<think>x</think>Rate this')).toEqual(['context', 'of x']);
    expect(await ask('<think>y</think>Rate this')).toEqual(['context', 'of y']);
    expect(await ask('<think>y</think>Rate  this')).toEqual(['normalized', 'of y']);
    expect(await ask('<think>z</think>Rate this')).toBeUndefined();
    expect(await ask('Rate this')).toBeUndefined();
  });

  it('by the legacy API', async () => {
    const { index, sweep } = await enginesOf(
      write(
        JSON.stringify([
          talk(['human', 'a'], ['gpt', '<think>x</think>Yes.'], ['human', 'of x'], ['gpt', 'b']),
          talk(['human', 'a'], ['gpt', '<think>y</think>Yes.'], ['human', 'of y'], ['gpt', 'b']),
          talk(['human', 'Yes.'], ['gpt', 'of the answer']),
        ]),
      ),
      pool,
    );
    for (const lookup of [index, sweep]) {
      const ask = async (text: string) => (await lookup.find(valueQuery(text)))?.reply.value;
      expect(await ask('<think>x</think>Yes.')).toBe('of x');
      expect(await ask('<think>y</think>Yes.')).toBe('of y');
      expect(await ask('Yes.')).toBe('of the answer');
      expect(await ask('<think>z</think>Yes.')).toBeUndefined();
    }
  });
});

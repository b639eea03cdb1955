import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConversation } from '#dist/core/conversation.js';
import { foldOf } from '#dist/core/folding.js';
import { MARK_RECORDS } from '#dist/core/limits.js';
import { ROLES, roleOf } from '#dist/core/roles.js';
import { type TextSearch, termsOf } from '#dist/core/search.js';
import { PartsCorpus } from '#dist/corpus/parts-corpus.js';
import { type SearchPlace, type SearchReport, searchFile } from '#dist/corpus/search.js';
import { MarkList } from '#dist/index/marks.js';
import type { FoundText } from '#dist/workers/tasks.js';
import { corporaOf, datasetWriter, enginesOf, poolOf } from '../support/dataset.js';
import { runs } from '../support/factor.js';
import { spell, spelling } from '../support/spelling.js';

const write = datasetWriter();

/** Pieces of texts: escapes of all kinds, halves of pairs, letters that fold to others, to several, or to nothing else. */
const piece = fc.constantFrom(
  ...['a', 'A', 'nn', 'new', 'NEW', ' ', '\n', '\\', '\\n', '"', '/', '\u0001', '\u001f', '001f', 'u001f'],
  ...['ß', 'ẞ', 'ss', 'SS', 'ſ', 's', 'k', '\u212a', 'K', 'İ', 'i', 'ı', 'I', 'i\u0307', 'ﬀ', 'ff', 'ΐ'],
  ...[
    'привет',
    'ПРИВЕТ',
    '世界',
    '世',
    '😀',
    '\ud83d',
    '\ude00',
    '\ufffd',
    '𐐀',
    '𐐨',
    'é',
    'É',
    'e\u0301',
    'café',
  ],
);
const text = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join(''));
/** A text, or parts that are joined. */
const content = fc.oneof(
  { weight: 4, arbitrary: text },
  {
    weight: 1,
    arbitrary: fc.array(fc.record({ type: fc.constant('text'), text }), { minLength: 1, maxLength: 3 }),
  },
);
const role = fc.constantFrom('human', 'gpt', 'system', 'tool', 'x', 'function_call', ' User ');
const record = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record(
      {
        id: fc.oneof(text, fc.integer()),
        conversations: fc.array(fc.record({ from: role, value: content }), { maxLength: 5 }),
      },
      { requiredKeys: ['conversations'] },
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom<object>({}, { conversations: 1 }, { conversations: [1, {}] }) },
);
/** Many records without any of these texts, so that blocks of them are passed over. */
const dull = Array.from({ length: MARK_RECORDS }, () => ({ conversations: [{ from: 'human', value: '-' }] }));
const records = fc
  .tuple(fc.array(record, { minLength: 1, maxLength: 12 }), fc.boolean())
  .map(([list, isSparse]) => (isSparse ? list.flatMap((each) => [each, ...dull]) : list));

/** A turn that a search has found. */
interface Hit {
  readonly record: number;
  readonly turn: number;
  readonly id: string | undefined;
  readonly role: string;
  readonly length: number;
}

/** What a plain loop over the parsed records finds. */
function plainHits(list: readonly unknown[], search: TextSearch): Hit[] {
  const charactersOf = (of: string) =>
    Array.from(of).flatMap((each) => [...(search.ignoresCase ? foldOf(each) : each)]);
  const has = (of: string, term: string) => {
    const all = charactersOf(of);
    const wanted = charactersOf(term);
    return all.some((_, at) => wanted.every((character, i) => all[at + i] === character));
  };
  const { terms, lengthMin, lengthMax, turnsMin, turnsMax } = search;
  const isOnce = terms.length === 0 && search.role === undefined && lengthMin === 0 && lengthMax === Infinity;
  return list.flatMap((each, number) => {
    const conversation = parseConversation(each);
    const turns = conversation?.turns ?? [];
    if (turns.length < turnsMin || turns.length > turnsMax) return [];
    const hits = turns.flatMap(({ from, value }, turn) => {
      const length = Buffer.byteLength(JSON.stringify(value)) - 2;
      const fits =
        length >= lengthMin &&
        length <= lengthMax &&
        (search.role === undefined || roleOf(from) === search.role) &&
        terms.every((term) => has(value, term));
      return fits ? [{ record: number, turn, id: conversation?.id, role: from, length }] : [];
    });
    return isOnce ? hits.slice(0, 1) : hits;
  });
}

/** A search whose terms are mostly pieces of texts of the dataset. */
function searchOf(list: readonly unknown[]): fc.Arbitrary<TextSearch> {
  const texts = list.flatMap((each) => parseConversation(each)?.turns.map(({ value }) => value) ?? []);
  const part = fc
    .tuple(fc.constantFrom(...texts, 'a'), fc.nat(8), fc.integer({ min: 1, max: 8 }))
    .map(([of, from, length]) => of.slice(from, from + length));
  const term = fc.oneof(part, piece).filter((each) => each !== '');
  return fc.record({
    terms: fc.array(term, { maxLength: 2 }),
    ignoresCase: fc.boolean(),
    lengthMin: fc.constantFrom(0, 0, 0, 3),
    lengthMax: fc.constantFrom(Infinity, Infinity, Infinity, 10),
    role: fc.option(fc.constantFrom(...ROLES), { nil: undefined, freq: 3 }),
    turnsMin: fc.constantFrom(0, 0, 0, 2),
    turnsMax: fc.constantFrom(Infinity, Infinity, Infinity, 3),
  });
}

describe('searchFile', () => {
  for (const workers of [1, 2, 5]) {
    it(`finds what a plain loop over the parsed file finds, with ${workers} workers`, async () => {
      const pool = poolOf(workers);
      await fc.assert(
        fc.asyncProperty(records, spelling, fc.nat(4), fc.gen(), async (list, how, limit, gen) => {
          if (!list.some((each) => parseConversation(each))) return;
          const dataset = write(spell(list, how));
          const { plan, census, reader } = await enginesOf(dataset, pool);
          const unmarked = new MarkList().marks(0, dataset.body.start);
          for (let i = 0; i < 4; i++) {
            const search = gen(searchOf, list);
            const expected = plainHits(list, search);
            for (const marks of [census.marks, unmarked]) {
              const found: Hit[] = [];
              let from: SearchPlace | undefined;
              do {
                const order = { search, limit: limit + 1, from, countsAll: true };
                const signal = new AbortController().signal;
                const rest = expected.length - found.length;
                for await (const report of searchFile(
                  { dataset, marks, plan },
                  order,
                  pool,
                  () => workers,
                  signal,
                )) {
                  if (report.kind === 'hit') found.push(hitOf(report.hit));
                  if (report.kind !== 'end') continue;
                  from = report.next;
                  expect(report.count.turns).toBe(rest);
                  expect(report.count.read).toBe(report.count.bytes);
                }
              } while (from !== undefined);
              expect(found).toEqual(expected);
            }
          }
          reader.close();
        }),
        runs(40),
      );
    });
  }
});

describe('a search of several parts', () => {
  it('finds in one after the other what a plain loop over all of them finds', async () => {
    const pool = poolOf(1);
    await fc.assert(
      fc.asyncProperty(
        fc.array(records, { minLength: 1, maxLength: 3 }),
        fc.nat(4),
        fc.gen(),
        async (lists, limit, gen) => {
          const parts = lists.filter((list) => list.some((each) => parseConversation(each)));
          if (parts.length === 0) return;
          const opened = await Promise.all(parts.map((list) => corporaOf(write(JSON.stringify(list)), pool)));
          const corpus = new PartsCorpus(() => opened.map(({ index }) => index));
          const search = gen(searchOf, parts.flat());
          const expected = plainHits(parts.flat(), search);
          const found: Hit[] = [];
          let from: SearchPlace | undefined;
          do {
            const order = { search, limit: limit + 1, from, countsAll: true };
            const rest = expected.length - found.length;
            for await (const report of corpus.search(order, new AbortController().signal)) {
              if (report.kind === 'hit') found.push(hitOf(report.hit));
              if (report.kind !== 'end') continue;
              from = report.next;
              expect(report.count).toMatchObject({ turns: rest, read: report.count.bytes });
            }
          } while (from !== undefined);
          expect(found).toEqual(expected);
        },
      ),
      runs(25),
    );
  });
});

function hitOf({ record, turn, id, role, length }: FoundText): Hit {
  return { record, turn, id, role, length };
}

/** All that a search reports about some records. */
async function reportsOf(list: readonly unknown[], search: Partial<TextSearch>, limit = 100) {
  const dataset = write(JSON.stringify(list));
  const { plan, census, reader } = await enginesOf(dataset, poolOf(1));
  const order = { search: { ...ANY, ...search }, limit, from: undefined, countsAll: true };
  const searched = { dataset, marks: census.marks, plan };
  const reports: SearchReport[] = [];
  const signal = new AbortController().signal;
  for await (const report of searchFile(searched, order, poolOf(1), () => 1, signal)) reports.push(report);
  reader.close();
  return reports;
}

const ANY: TextSearch = {
  terms: [],
  ignoresCase: true,
  lengthMin: 0,
  lengthMax: Number.POSITIVE_INFINITY,
  role: undefined,
  turnsMin: 0,
  turnsMax: Number.POSITIVE_INFINITY,
};

/** The excerpts of the turns that a search finds in a text. */
async function excerptsOf(value: string, search: Partial<TextSearch>) {
  const reports = await reportsOf([{ conversations: [{ from: 'gpt', value }] }], search);
  return reports.flatMap((report) => (report.kind === 'hit' ? [report.hit.excerpt] : []));
}

describe('a search', () => {
  it('finds a text that goes over from one part to the next, among records that have other texts', async () => {
    const parts = ['ab', 'cd'].map((text) => ({ type: 'text', text }));
    const list = [...dull, { conversations: [{ from: 'human', value: parts }] }, ...dull];
    const reports = await reportsOf(list, { terms: ['bc'] });
    expect(reports).toMatchObject([
      { kind: 'hit', hit: { record: dull.length, turn: 0 } },
      {},
      { kind: 'end' },
    ]);
  });

  it('shows a piece of the text, with all terms marked', async () => {
    const before = 'x'.repeat(100);
    const [excerpt] = await excerptsOf(`${before} Straße und STRASSE${before.repeat(3)}`, {
      terms: ['strasse', 'und'],
    });
    const shown = excerpt?.text ?? '';
    expect(excerpt?.at).toBe(101);
    expect(shown).toContain('xx Straße und STRASSExx');
    expect(excerpt?.marks.map(([start, end]) => shown.slice(start, end))).toEqual([
      'Straße',
      'und',
      'STRASSE',
    ]);
  });

  it('marks the whole of a letter that folds to several', async () => {
    const [excerpt] = await excerptsOf('aSßb', { terms: ['SS'] });
    expect(excerpt?.marks).toEqual([[1, 3]]);
  });

  it('finds a term after the first 64 KiB of a text that has to be folded', async () => {
    const before = 'é'.repeat(100_000);
    const [excerpt] = await excerptsOf(`${before}NADEL`, { terms: ['nadel'] });
    expect(excerpt).toMatchObject({ at: 100_000 });
  });

  it('takes 16 terms of 10,000 characters that fold to three each', async () => {
    const terms = Array.from({ length: 16 }, (_, i) => 'ΐ'.repeat(600 + i));
    const reports = await reportsOf([{ conversations: [{ from: 'gpt', value: 'ΐ'.repeat(700) }] }], {
      terms,
    });
    expect(reports[0]).toMatchObject({ kind: 'hit' });
  });
});

describe('termsOf', () => {
  it('splits words, and keeps texts in quotes together', () => {
    expect(termsOf(' one  "two three" fo"ur "a \\"b\\" \\\\ \\c" "" "open one')).toEqual([
      ...['one', 'two three', 'fo"ur', 'a "b" \\ \\c', '"open'],
    ]);
  });
});

/** Searching the texts of a dataset, over HTTP. */

import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { serve } from '#dist/index.js';
import { serveModels } from '../support/models.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const talk = (id: string, ...texts: string[]) => ({
  id,
  conversations: texts.map((value, i) => ({ from: i % 2 === 0 ? 'human' : 'gpt', value })),
});

/** A dataset of its own, since some tests replace it. */
async function serveTalks(records: readonly object[]) {
  const path = join(folder, `${Math.random().toString(36).slice(2)}.json`);
  const replace = (list: readonly object[]) => writeFileSync(path, JSON.stringify(list));
  replace(records);
  const { url } = await serveModels({ talks: path });
  return { at: `${url}/api/datasets/talks/search`, replace };
}

/** An event as a line. */
// biome-ignore lint/suspicious/noExplicitAny: each test says what it expects.
type Line = any;

async function linesOf(url: string): Promise<Line[]> {
  const response = await fetch(url, { headers: { accept: 'application/x-ndjson' } });
  expect(response.headers.get('content-type')).toBe('application/x-ndjson');
  return (await response.text())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('a search', async () => {
  const { at } = await serveTalks([
    talk('a', 'The Green Fern', 'A fern "grows" in shade.'),
    talk('b', 'What is STRASSE?', 'Straße.\nGreen houses, and a fern.'),
  ]);

  it('sends the turns that have all words, then how much it has read, as server-sent events', async () => {
    const response = await fetch(`${at}?q=fern+green`);
    expect(response.headers.get('content-type')).toMatch('text/event-stream');
    const events = (await response.text()).split('\n\n').filter((event) => event !== '');
    expect(events.map((event) => event.split('\n')[0])).toEqual([
      'event: hit',
      'event: hit',
      expect.stringMatching(/event: (?:progress|end)/),
      ...(events.length === 4 ? ['event: end'] : []),
    ]);
    expect(JSON.parse(events[1]?.split('\ndata: ')[1] ?? '')).toEqual({
      type: 'hit',
      number: 1,
      id: 'b',
      turn: 1,
      role: 'assistant',
      length: 35,
      at: 8,
      snippet: {
        text: 'Straße.\nGreen houses, and a fern.',
        marks: [
          [8, 13],
          [28, 32],
        ],
      },
    });
  });

  it.each([
    ['ignores case', 'q=strasse', ['b0', 'b1']],
    ['tells capitals from small letters if asked to', 'q=fern&case=1', ['a1', 'b1']],
    ['finds a text in quotes as it is', 'q="%5C"grows%5C" in"', ['a1']],
    ['finds the turns of a role', 'q=fern&role=user', ['a0']],
    ['finds texts of a length', 'max_length=16', ['a0', 'b0']],
    ['finds a conversation once by its turns alone', 'min_turns=2', ['a0', 'b0']],
    ['finds nothing', 'q=moss', []],
  ])('%s', async (_, query, expected) => {
    const lines = await linesOf(`${at}?${query}`);
    const hits = lines.filter(({ type }) => type === 'hit');
    expect(hits.map(({ id, turn }) => id + turn)).toEqual(expected);
    expect(lines.at(-1)).toMatchObject({ type: 'end', turns: expected.length, cursor: null });
  });

  it('goes on from a cursor', async () => {
    const few = await linesOf(`${at}?q=fern&limit=1`);
    const { turns, cursor } = few.at(-1);
    expect(turns).toBe(3);
    const rest = await linesOf(`${at}?q=fern&after=${cursor}`);
    expect(rest.filter(({ type }) => type === 'hit').map(({ id, turn }) => id + turn)).toEqual(['a1', 'b1']);
  });

  it.each([
    ['q', 'missing_required_parameter', ''],
    ['q', 'missing_required_parameter', `q=${encodeURIComponent('"" ')}`],
    ['q', 'string_above_max_length', `q=${'a'.repeat(1501)}`],
    ['q', 'array_above_max_length', `q=${Array.from({ length: 17 }, (_, i) => i).join('+')}`],
    ['q', 'invalid_type', 'q=a&q=b'],
    ['role', 'invalid_value', 'q=a&role=nobody'],
    ['case', 'invalid_value', 'q=a&case=2'],
    ['limit', 'integer_above_max_value', 'q=a&limit=501'],
    ['min_length', 'integer_below_min_value', 'min_length=-1'],
    ['max_turns', 'invalid_type', 'max_turns=many'],
    ['after', 'invalid_value', 'q=a&after=1'],
    ['after', 'invalid_value', 'q=a&after=0.0.1.fp_0123456789'],
  ])('names %s as %s', async (param, code, query) => {
    const response = await fetch(`${at}?${query}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param, code } });
  });

  it('of 1,500 characters of any script is possible', async () => {
    const text = '世'.repeat(1500);
    const long = await serveTalks([talk('a', text, `${text}界`)]);
    const lines = await linesOf(`${long.at}?q=${encodeURIComponent(text)}`);
    expect(lines.filter(({ type }) => type === 'hit')).toMatchObject([{ turn: 0 }, { turn: 1 }]);
  });

  it('of half a surrogate pair finds that half alone', async () => {
    const halves = await serveTalks([talk('a', '\ud83d', '😀'), talk('b', 'x\ud83d\ud83d', 'b')]);
    // Invalid UTF-8 in a query is U+FFFD.
    const lines = await linesOf(`${halves.at}?q=${encodeURIComponent('😀')}`);
    expect(lines.filter(({ type }) => type === 'hit')).toMatchObject([{ id: 'a', turn: 1 }]);
  });

  it('refuses a cursor of a dataset that was replaced', async () => {
    const { at, replace } = await serveTalks([talk('a', 'one', 'two'), talk('b', 'one', 'three')]);
    const { cursor } = (await linesOf(`${at}?q=one&limit=1`)).at(-1);
    replace([talk('c', 'one', 'four'), talk('d', 'one', 'five'), talk('e', 'one', 'six')]);
    await expect.poll(async () => (await linesOf(`${at}?q=one`)).at(-1).turns, { timeout: 10_000 }).toBe(3);
    const response = await fetch(`${at}?q=one&after=${cursor}`);
    expect(await response.json()).toMatchObject({ error: { param: 'after', code: 'invalid_value' } });
  });

  it('of a file that was removed says so, even if its index was saved and nothing was read yet', async () => {
    const path = join(folder, 'saved.json');
    writeFileSync(path, JSON.stringify([talk('a', 'one', 'two')]));
    const options = { dataset: path, indexDir: join(folder, 'indexes'), usage: 'estimate' } as const;
    const first = await serve(options);
    await expect.poll(() => existsSync(options.indexDir) && readdirSync(options.indexDir).length).toBe(1);
    await first.close();
    const second = await serve(options);
    rmSync(path);
    const lines = await linesOf(`${second.url}/api/datasets/saved/search?q=one`);
    expect(lines).toMatchObject([{ type: 'error', error: { code: 'dataset_changed' } }]);
    const byId = await fetch(`${second.url}/api/datasets/saved/conversations?id=a`);
    expect(await byId.json()).toMatchObject({ error: { code: 'dataset_changed' } });
    await second.close();
  });

  it('of a model that does not exist is an error', async () => {
    const response = await fetch(`${at.replace('talks', 'none')}?q=a`);
    expect(response.status).toBe(404);
  });
});

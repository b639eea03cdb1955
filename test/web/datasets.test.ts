/** The page over large and hostile datasets, and over one that is replaced. */

import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary.js';
import { openPage, pageUrl, serveFor } from '../support/web.js';

const folder = temporaryFolder();
const COUNT = 100_000;

/** A dataset of chats. */
function write(name: string, chats: Iterable<readonly [id: string | undefined, ...texts: string[]]>): string {
  const path = join(folder, name);
  const lines: string[] = [];
  for (const [id, ...texts] of chats) {
    const conversations = texts.map((value, i) => ({ from: i % 2 === 0 ? 'human' : 'gpt', value }));
    lines.push(JSON.stringify({ id, conversations }));
  }
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

describe('a large dataset', () => {
  function* chats(): Generator<readonly [string | undefined, ...string[]]> {
    yield ['long', ...Array.from({ length: 5000 }, (_, i) => `turn number ${i}`)];
    yield ['huge', 'Ten megabytes, please.', `${'word '.repeat(2_000_000)}needle`];
    for (let i = 2; i < COUNT; i++) yield [undefined, `question ${i}`, `answer ${i}`];
  }
  const url = serveFor({ dataset: `big=${write('big.jsonl', chats())}` }).then(pageUrl);

  it('is scrolled to its end and back, by keys and by the scroll bar', async () => {
    const { page, complaints } = await openPage(await url);
    const list = page.getByRole('listbox', { name: 'Conversations' });
    await list.getByText('Ten megabytes, please.').waitFor();
    await list.focus();
    await page.keyboard.press('End');
    await list.getByText(`question ${COUNT - 1}`).waitFor();
    await page.keyboard.press('Home');
    await list.getByText('Ten megabytes, please.').waitFor();
    await page.evaluate(`(() => {
      const list = document.querySelector('.browse .list');
      list.scrollTop = list.scrollHeight / 2;
    })()`);
    await list
      .getByText(/^question (?:49|50)\d{3}$/)
      .first()
      .waitFor();
    // Only what can be seen is in the document.
    expect(await list.getByRole('option').count()).toBeLessThan(60);
    await page.keyboard.press('End');
    await page.keyboard.press('Enter');
    await page
      .locator('[data-turn="1"]')
      .getByText(`answer ${COUNT - 1}`)
      .waitFor();
    expect(complaints).toEqual([]);
  });

  it('may have a conversation of 5,000 turns, of which a link selects one', async () => {
    const { page } = await openPage(`${await url}#/big/0#4321`);
    const turn = page.locator('[data-turn="4321"]');
    await turn.getByText('turn number 4321').waitFor();
    await page.waitForFunction(`(() => {
      const { top } = document.querySelector('[data-turn="4321"]').getBoundingClientRect();
      return top > 0 && top < innerHeight;
    })()`);
    expect(await page.locator('[data-turn]').count()).toBeLessThan(500);
    await page.getByLabel('turn', { exact: true }).fill('17');
    await page.keyboard.press('Enter');
    await page.locator('[data-turn="17"].selected').waitFor();
  });

  it('may have a text of 10 MB, which is cut, and in which a search finds its end', async () => {
    const { page } = await openPage(`${await url}#/big/1`);
    await page.getByRole('button', { name: 'Show all 10,000,006 characters' }).waitFor();
    await page.getByLabel('Search the texts of all turns').fill('needle');
    const hit = page.getByRole('listbox', { name: 'Results' }).getByRole('option').first();
    await hit.locator('mark').waitFor();
    await hit.click();
    await page.waitForFunction(`(() => {
      const [range] = CSS.highlights.get('found') ?? [];
      const { top = -1, height = 0 } = range?.getBoundingClientRect() ?? {};
      return height > 0 && top > 0 && top < innerHeight;
    })()`);
  });
});

describe('a hostile dataset', () => {
  const ELSEWHERE = 'http://127.0.0.1:9';
  const TEXTS = [
    `<script>alert(1)</script><img src="${ELSEWHERE}/img" onerror="alert(2)"><svg onload="alert(3)">`,
    `![alt](${ELSEWHERE}/image.png) ![alt][ref] [ref]: ${ELSEWHERE}/ref.png`,
    '[click](javascript:alert(4)) [click](JaVaScRiPt:alert(5)) [click](data:text/html,<script>alert(6)</script>) <javascript:alert(7)>',
    `<style>@import "${ELSEWHERE}/css";</style><iframe src="${ELSEWHERE}/frame"></iframe><base href="${ELSEWHERE}/">`,
    `\`\`\`html\n</code></pre><script>alert(8)</script>\n\`\`\`\n\n\`\`\`"><img/src=x/onerror=alert(9)>\ncode\n\`\`\``,
    '| a | b |\n|--:|:-:|\n| <b onmouseover=alert(10)>1 | 2 |',
    `{"html": "<img src=x onerror=alert(11)>", "</script>": "<script>alert(12)</script>"}`,
    '[link](https://example.org/ "title\\" onclick=\\"alert(13)") <https://example.org/auto> mail@example.org',
    '\u202e\u0000\u001b[31m\ud800 half',
  ];
  const url = serveFor({
    dataset: `hostile=${write('hostile.jsonl', [
      ['<img src=x onerror=alert(20)>', ...TEXTS.flatMap((text) => [text, text])],
      ['../../..#/x?y&z', 'Hello', 'Hi'],
      [undefined, TEXTS[0] as string, 'Again.'],
    ])}`,
  }).then(pageUrl);

  it('runs nothing, fetches nothing and opens nothing, wherever its texts are shown', async () => {
    const base = await url;
    const { page, requested, complaints, opened } = await openPage(`${base}#/hostile/0`);
    await page.locator(`[data-turn="${2 * TEXTS.length - 1}"]`).waitFor();
    await page.locator('.markdown').first().waitFor();
    expect(await page.locator('#page :is(img, iframe, script, style, object, embed, base)').count()).toBe(0);
    const links = (await page.evaluate(`[...document.querySelectorAll('.markdown a')].map(
      ({ href, rel, target }) => [href, rel, target].join(' '))`)) as string[];
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) {
      expect(link).toMatch(/^(?:https?:|mailto:)\S+ noopener noreferrer nofollow _blank$/);
    }
    for (const style of ['Text', 'Raw']) await page.getByRole('button', { name: style, exact: true }).click();
    await page.locator('.raw').waitFor();
    await page.getByLabel('Search the texts of all turns').fill('<script>alert');
    await page.getByRole('listbox', { name: 'Results' }).locator('mark').first().waitFor();
    for (const text of [TEXTS[1] as string, `${TEXTS[0]} not quite`]) {
      await page.getByLabel('Prompt', { exact: true }).fill(text);
      await page.getByRole('button', { name: 'Ask', exact: true }).click();
      await page.locator('.turn.assistant .rung').last().waitFor();
    }
    await page.locator('.nearest li').first().waitFor();
    for (const view of ['overview', 'requests']) {
      await page.evaluate(`location.hash = '${view}'`);
      await page
        .locator(view === 'overview' ? '.repeated li' : '.middle .row')
        .first()
        .waitFor();
    }
    await page.locator('.middle .row').first().click();
    await page.locator('.explained .rungs').waitFor();
    expect(opened).toEqual([]);
    expect(requested.filter((each) => !each.startsWith(base))).toEqual([]);
    // The miss is a response with the status 404.
    expect(complaints.filter((each) => !each.includes('status of 404'))).toEqual([]);
  });

  it('is linked by ids that look like links', async () => {
    const { page } = await openPage(`${await url}`);
    await page.getByLabel('Prompt', { exact: true }).fill('Hello');
    await page.keyboard.press('Enter');
    await page.locator('.facts a').click();
    await page.waitForURL(/#\/hostile\/1#1$/);
    await page.locator('[data-turn="1"].selected').getByText('Hi').waitFor();
  });
});

describe('one of several datasets', () => {
  const one = write('one.jsonl', [
    ['a', 'the shared word', 'of one'],
    ['b', 'Straßenbahn', 'yes'],
  ]);
  const two = write('two.jsonl', [['c', 'the shared word', 'of two']]);
  const url = serveFor({ dataset: [`one=${one}`, `two=${two}`] }).then(pageUrl);

  it('has its own search, whatever chooses it', async () => {
    const { page } = await openPage(await url);
    await page.getByLabel('Search the texts of all turns').fill('"of one"');
    const results = page.getByRole('listbox', { name: 'Results' });
    await results.getByText('of one').waitFor();
    await page.getByRole('region', { name: 'Overview' }).getByRole('button', { name: 'two' }).click();
    await page.getByText('0 turns').waitFor();
    expect(await results.count()).toBe(0);
  });

  it('is chosen by a link to one of its conversations', async () => {
    const { page } = await openPage(`${await url}#/two/0`);
    await page.locator('[data-turn="1"]').getByText('of two').waitFor();
    expect(await page.getByLabel('Dataset', { exact: true }).inputValue()).toBe('two');
    const ask = page.getByRole('region', { name: 'Ask', exact: true });
    expect(await ask.getByLabel('Model').inputValue()).toBe('two');
  });

  it('is marked where the server has found a text, however it is spelled', async () => {
    const { page } = await openPage(await url);
    await page.getByLabel('Search the texts of all turns').fill('STRASSENBAHN');
    await page.getByRole('listbox', { name: 'Results' }).getByRole('option').first().click();
    await page.locator('[data-turn="0"]').getByText('Straßenbahn').waitFor();
    const marked = '[...(CSS.highlights.get("found") ?? [])].map(String)';
    await expect.poll(() => page.evaluate(marked)).toEqual(['Straßenbahn']);
  });
});

describe('a dataset that is replaced', () => {
  it('keeps its list until the reader wants the new one', async () => {
    const path = write('changing.jsonl', [['a', 'the old one', 'yes']]);
    const { page } = await openPage(pageUrl(await serveFor({ dataset: path })));
    const list = page.getByRole('listbox', { name: 'Conversations' });
    await list.getByText('the old one').waitFor();
    const next = write('next.jsonl', [
      ['a', 'the new one', 'yes'],
      ['b', 'another', 'yes'],
    ]);
    renameSync(next, path);
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
    const show = page.getByRole('button', { name: 'Show the new one' });
    await expect
      .poll(
        async () => {
          await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
          return show.count();
        },
        { timeout: 60_000 },
      )
      .toBe(1);
    expect(await list.getByText('the old one').count()).toBe(1);
    await show.click();
    await list.getByText('the new one').waitFor();
  });
});

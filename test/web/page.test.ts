/** The page over the sample: each of its regions, as a reader uses it. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import type { VerbatimServer } from '#dist/index.js';
import { ROOT } from '../support/project.js';
import { barriersOf, openPage, pageUrl, serveFor } from '../support/web.js';

const PROMPT = 'What is a mock server good for?';

let server: VerbatimServer;
let url: string;
beforeAll(async () => {
  server = await serveFor({});
  url = pageUrl(server);
});

/** Sends a chat, as a program would. */
function chat(prompt: string): Promise<Response> {
  return fetch(`${server.baseURL}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content: prompt }] }),
  });
}

describe('the list and the search', () => {
  it('shows what is served, and opens the conversation that is chosen by keys alone', async () => {
    const { page, complaints } = await openPage(url);
    const browse = page.getByRole('complementary', { name: 'Browse' });
    await browse.getByText('ready').waitFor();
    const list = browse.getByRole('listbox', { name: 'Conversations' });
    await list.getByRole('option').first().getByText(PROMPT).waitFor();
    await list.focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForURL(/#\/sample\/1$/);
    await page.locator('[data-turn="1"]').waitFor();
    expect(await list.getByRole('option', { selected: true }).count()).toBe(1);
    await page.getByRole('link', { name: 'Previous conversation' }).click();
    await page.locator('[data-turn="0"]').getByText(PROMPT).waitFor();
    expect(complaints).toEqual([]);
  });

  it('finds a text from the key / on, marks it, and opens the turn, whose link shows the same in a new tab', async () => {
    const { page, complaints } = await openPage(url);
    await page.getByRole('listbox', { name: 'Conversations' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('"card, a network"');
    const results = page.getByRole('listbox', { name: 'Results' });
    await results.locator('mark').getByText('card, a network').waitFor();
    const state = page.locator('.found');
    await state.getByText(/^read .* in .* s$/).waitFor();
    expect(await state.getByRole('status').innerText()).toBe('1 turn in 1 conversation');
    await results.getByRole('option').first().click();
    await page.waitForURL(/#\/sample\/0#3$/);
    await page.locator('[data-turn="3"].selected').waitFor();
    const marks = 'CSS.highlights.get("found")?.size';
    await page.waitForFunction(`${marks} > 0`);

    const other = await openPage(page.url());
    await other.page.locator('[data-turn="3"].selected').getByText('Say a checkout page').waitFor();
    expect([...complaints, ...other.complaints]).toEqual([]);
  });

  it('narrows by role and length, says when nothing is found, and shows all again', async () => {
    const { page } = await openPage(url);
    await page.getByText('Filters').click();
    await page.getByLabel('Role', { exact: true }).selectOption('system');
    const results = page.getByRole('listbox', { name: 'Results' });
    await results.locator('.role.system').first().waitFor();
    await page.getByLabel('Shortest length of a turn, in bytes').fill('100000');
    await page.getByText('Nothing found.').waitFor();
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByRole('listbox', { name: 'Conversations' }).getByText(PROMPT).waitFor();
  });

  it('goes on after the first hundred results', async () => {
    const { page } = await openPage(url);
    await page.getByLabel('Search the texts of all turns').fill('the');
    await page.getByRole('button', { name: 'Show 100 more' }).click();
    const results = page.getByRole('listbox', { name: 'Results' });
    await results.locator('[aria-setsize="200"]').first().waitFor();
  });

  it('shows why a search is refused', async () => {
    const { page } = await openPage(url);
    await page.getByLabel('Search the texts of all turns').fill('a b c d e f g h i j k l m n o p q r s');
    await page.getByRole('alert').getByText(/16/).waitFor();
  });
});

describe('a conversation', () => {
  it('is shown as chat, as texts and as the record of the file', async () => {
    const { page } = await openPage(`${url}#/sample/0`);
    await page.locator('[data-turn="3"] pre code.language-json').waitFor();
    await page.getByRole('button', { name: 'Text' }).click();
    await page.locator('[data-turn="3"]').getByText('```json').waitFor();
    await page.getByRole('button', { name: 'Raw' }).click();
    await page.locator('.raw').getByText('"conversations"').waitFor();
  });

  it('is copied as a request of each kind, which gets the selected reply', async () => {
    const permissions = ['clipboard-read', 'clipboard-write'];
    const { page } = await openPage(`${url}#/sample/0#3`, { permissions });
    await page.locator('[data-turn="3"]').waitFor();
    for (const [name, program, how] of [
      ['curl', 'sh', ['-c']],
      ['OpenAI, JavaScript', process.execPath, ['--input-type=module', '--eval']],
      ['OpenAI, Python', undefined, /base_url="http:.*\/v1"[\s\S]*model="sample"[\s\S]*"role": "user"/],
      [
        'Anthropic, Python',
        undefined,
        /base_url="http:[\s\S]*client\.messages\.create\([\s\S]*"role": "user"/,
      ],
    ] as const) {
      await page.locator('.menu summary').click();
      await page.getByText('Request for turn 3 as').waitFor();
      await page.getByRole('button', { name, exact: true }).click();
      await page.getByRole('status').getByText(`Request as ${name} copied`).waitFor();
      const text = (await page.evaluate('navigator.clipboard.readText()')) as string;
      expect(text, name).toContain('Can you give an example?');
      expect(text, name).not.toContain('Say a checkout page');
      if (program === undefined) expect(text, name).toMatch(how);
      else {
        const { stdout } = await promisify(execFile)(program, [...how, text], { cwd: ROOT });
        expect(stdout, name).toContain('Say a checkout page');
      }
    }
  });

  it('that is not there is an error that says so', async () => {
    const { page } = await openPage(`${url}#/sample/100000`);
    await page.getByRole('main').getByRole('alert').waitFor();
  });
});

describe('a question', () => {
  it('gets its recorded answer, with the turn that it comes from', async () => {
    const { page, complaints } = await openPage(url);
    const ask = page.getByRole('region', { name: 'Ask', exact: true });
    await ask.getByLabel('Prompt', { exact: true }).fill(PROMPT);
    await page.keyboard.press('Enter');
    await ask.getByText('It stands in for a real service').waitFor();
    await ask.locator('.rung.context').waitFor();
    await ask.getByText(/first chunk .* in all · \d+ tokens in, \d+ tokens out/).waitFor();
    await ask.getByText('Headers').click();
    await ask.getByText('x-verbatim-match').waitFor();
    await ask.getByRole('link', { name: 'sample prog-01#1' }).click();
    await page.waitForURL(/#\/sample\/0#1$/);
    await page.locator('[data-turn="1"].selected').waitFor();
    expect(complaints).toEqual([]);
  });

  it('without an answer shows the nearest turns, of which one is asked by a click', async () => {
    const { page } = await openPage(url);
    const ask = page.getByRole('region', { name: 'Ask', exact: true });
    await ask.getByLabel('Prompt', { exact: true }).fill('What is a mock server good four?');
    await ask.getByRole('button', { name: 'Ask', exact: true }).click();
    const nearest = ask.locator('.nearest li').first();
    await nearest.getByRole('link', { name: 'sample prog-01#1' }).waitFor();
    expect(await nearest.locator('del').allInnerTexts()).toEqual(['u']);
    await nearest.getByRole('button', { name: 'Ask this' }).click();
    await ask.getByText('It stands in for a real service').waitFor();
    expect(await ask.locator('.nearest').count()).toBe(0);
  });

  it('that is stopped is no part of the chat: the next one is found as if it were the first', async () => {
    server.reply('wait', 'at last', { delayMs: 60_000 });
    const { page } = await openPage(url);
    const ask = page.getByRole('region', { name: 'Ask', exact: true });
    const prompt = ask.getByLabel('Prompt', { exact: true });
    await prompt.fill('wait');
    await page.keyboard.press('Enter');
    await ask.getByRole('img', { name: 'Waiting' }).waitFor();
    await ask.getByRole('button', { name: 'Stop' }).click();
    await ask.getByText('stopped').waitFor();
    expect(await ask.getByRole('img', { name: 'Waiting' }).count()).toBe(0);
    await prompt.fill(PROMPT);
    await page.keyboard.press('Enter');
    await ask.getByText('It stands in for a real service').waitFor();
  });

  it('is asked again from its conversation, with the messages before it', async () => {
    const { page } = await openPage(`${url}#/sample/0`);
    await page.locator('[data-turn="2"]').getByRole('button', { name: 'Ask this' }).click();
    const ask = page.getByRole('region', { name: 'Ask', exact: true });
    await ask.getByText('Say a checkout page').waitFor();
    await ask.getByRole('link', { name: 'sample prog-01#3' }).waitFor();
  });
});

describe('the journal', () => {
  it('shows requests as they come, misses first, and explains one', async () => {
    const { page, complaints } = await openPage(`${url}#requests`);
    const view = page.getByRole('main');
    await view.getByText(/\d+ requests?, \d+ miss/).waitFor();
    await chat(PROMPT);
    const list = view.getByRole('listbox', { name: 'Requests' });
    await list.getByText(PROMPT).first().waitFor();
    await chat('No one has said this.');
    const first = list.getByRole('option').first();
    await first.getByText('No one has said this.').waitFor();
    await first.click();
    const why = view.getByRole('region', { name: 'Why this answer' });
    await why.getByText('The dataset has no reply to this prompt.').waitFor();
    await why.locator('.nearest li').first().waitFor();

    // The list doesn't move while one entry is read.
    await chat('Nor this.');
    const button = view.getByRole('button', { name: '1 new' });
    await button.waitFor();
    expect(await list.getByText('Nor this.').count()).toBe(0);
    await button.click();
    await list.getByText('Nor this.').waitFor();
    expect(complaints).toEqual([]);
  });
});

describe('the overview', () => {
  it('has histograms whose bars list what they count', async () => {
    const { page } = await openPage(`${url}#overview`);
    const bar = page.getByRole('button', { name: /^8 turns: \d+ conversations$/ });
    const [, count = ''] = /: (\d+)/.exec((await bar.getAttribute('aria-label')) ?? '') ?? [];
    await bar.click();
    await page.locator('.found').getByText(`in ${count} conversations`).waitFor();
    expect(await page.getByLabel('Fewest turns of a conversation').inputValue()).toBe('8');
  });

  it('counts completions by rung as they come', async () => {
    const { page } = await openPage(`${url}#overview`);
    const now = page.getByRole('region', { name: /^Completions/ });
    await now.getByText('answered').waitFor();
    await chat(PROMPT);
    await now.getByText('by context').waitFor();
    await page.getByRole('region', { name: 'Memory' }).getByText(/MB/).first().waitFor();
  });
});

describe('everyone can use it', () => {
  it.each([
    ['light', 1400, 900],
    ['dark', 360, 740],
  ] as const)('%s, %d pixels wide', async (colorScheme, width, height) => {
    await chat('Something that misses.');
    const { page, complaints } = await openPage(url, { colorScheme, viewport: { width, height } });
    const barriers: Record<string, readonly string[]> = {};
    for (const [view, selector] of [
      ['browse', '.browse .row .prompt'],
      ['overview', '.columns button'],
      ['/sample/0#3', '[data-turn="3"] pre code'],
      ['requests', '.middle .row'],
      ['ask', '.asking textarea'],
    ] as const) {
      await page.evaluate(`location.hash = ${JSON.stringify(view)}`);
      await page.locator(`${selector} >> visible=true`).first().waitFor();
      // The other regions of a wide page are those of the first view.
      const isWhole = view === 'browse' || width < 720;
      barriers[view] = await barriersOf(page, isWhole ? 'body' : '.middle');
      const overflow = 'document.documentElement.scrollWidth - innerWidth';
      expect(await page.evaluate(overflow), view).toBeLessThanOrEqual(0);
    }
    expect(barriers).toEqual({ browse: [], overview: [], '/sample/0#3': [], requests: [], ask: [] });
    expect(complaints).toEqual([]);
  });

  it('has tabs on a phone, of which one region at a time is seen', async () => {
    const { page } = await openPage(url, { viewport: { width: 360, height: 740 } });
    await page.locator('.browse .row .prompt').first().click();
    await page.locator('[data-turn="0"]').waitFor();
    expect(await page.locator('.region:visible').count()).toBe(1);
    await page.getByRole('link', { name: 'Ask' }).click();
    await page.getByLabel('Prompt', { exact: true }).waitFor();
    expect(await page.locator('.region:visible').count()).toBe(1);
  });

  it('is dark if the reader wants it, and stays so', async () => {
    const { page } = await openPage(url);
    const background = 'getComputedStyle(document.body).backgroundColor';
    const light = await page.evaluate(background);
    const toggle = page.getByRole('button', { name: 'colours' });
    await toggle.click();
    await toggle.click();
    const dark = await page.evaluate(background);
    expect(dark).not.toBe(light);
    await page.reload();
    expect(await page.evaluate(background)).toBe(dark);
  });
});

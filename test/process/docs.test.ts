/** The API page, in a real browser. */

import { expect, it } from 'vitest';
import { Page } from '../support/browser.js';
import { startServer } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';

const profile = temporaryFolder();

/** Swagger UI has a block per operation, inside a block for their group. */
const BLOCKS = '.opblock[id^="operations-"]';

it('the page opens without a key, sends working requests with one, and connects only to the server', async () => {
  const url = await startServer([], { API_KEYS: 'the-key' }).url();
  const page = await Page.open(profile);
  await page.goTo(`${url}/docs`);
  await page.waitFor(BLOCKS);

  const shown = await page.evaluate(`[...document.querySelectorAll('${BLOCKS}')].map(({ innerText }) =>
    innerText.replaceAll('\\u200b', '').split(/\\s*\\n\\s*/).slice(0, 3))`);
  expect(shown).toEqual(await operationsOf(url));

  await page.evaluate("document.querySelector('.auth-wrapper .authorize').click()");
  await page.waitFor('#auth-bearer-value');
  await page.evaluate(`(() => {
    const field = document.querySelector('#auth-bearer-value');
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, 'the-key');
    field.dispatchEvent(new Event('input', { bubbles: true }));
    field.closest('form').querySelector('.authorize').click();
    document.querySelector('.btn-done').click();
    document.querySelector('${BLOCKS} button').click();
  })()`);
  // An opened block shows the document's description of the request. Errors are one line per status until opened.
  await page.waitFor('.opblock.is-open .responses-table');
  const openedText = () => page.evaluate("document.querySelector('.opblock.is-open').innerText");
  expect(await openedText()).toMatch(/^404 .*prompt_not_found/m);
  expect(await openedText()).not.toContain('No turn with a reply equals');
  await page.evaluate(
    "document.querySelectorAll('.opblock.is-open details').forEach((one) => (one.open = true))",
  );
  expect(await openedText()).toContain('No turn with a reply equals');

  await page.evaluate("document.querySelector('.opblock.is-open .try-out__btn').click()");
  await page.waitFor('.opblock.is-open .execute');
  await page.evaluate("document.querySelector('.opblock.is-open .execute').click()");
  const status = '.opblock.is-open .live-responses-table tr.response .response-col_status';
  await page.waitFor(status);
  expect(await page.evaluate(`document.querySelector('${status}').innerText`)).toMatch(/^200/);

  const own = [
    '/docs',
    '/docs/page.js',
    '/docs/swagger-ui-bundle.js',
    '/docs/swagger-ui.css',
    '/openapi.json',
    '/v1/chat/completions',
  ];
  const asked = page.asked.filter((each) => !each.startsWith('data:') && !each.endsWith('favicon-32x32.png'));
  expect([...new Set(asked)].sort()).toEqual(own.map((path) => url + path));
  expect(page.complaints).toEqual([]);
});

/** As the page shows them: method, path and summary. */
async function operationsOf(url: string): Promise<string[][]> {
  const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { summary: string }>>;
  };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { summary }]) => [method.toUpperCase(), path, summary]),
  );
}

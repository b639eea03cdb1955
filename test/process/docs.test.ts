/** The page of the API, in a real browser. */

import { expect, it } from 'vitest';
import { Page } from '../support/browser.js';
import { startServer } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';

const profile = temporaryFolder();

/** Swagger UI has a block for each operation, below one for their group. */
const BLOCKS = '.opblock[id^="operations-"]';

it('the page names every operation, and asks nobody but the server for anything', async () => {
  const url = await startServer().url();
  const page = await Page.open(profile);
  await page.goTo(`${url}/docs`);
  await page.waitFor(BLOCKS);

  const shown = await page.evaluate(`[...document.querySelectorAll('${BLOCKS}')].map(({ innerText }) =>
    innerText.replaceAll('\\u200b', '').split(/\\s*\\n\\s*/).slice(0, 3))`);
  expect(shown).toEqual(await operationsOf(url));
  // One block opened has what the document says of the request.
  await page.evaluate(`document.querySelector('${BLOCKS} button').click()`);
  await page.waitFor('.opblock.is-open .responses-table');
  const opened = await page.evaluate("document.querySelector('.opblock.is-open').innerText");
  expect(opened).toContain('prompt_not_found');

  const own = [
    '/docs',
    '/docs/page.js',
    '/docs/swagger-ui-bundle.js',
    '/docs/swagger-ui.css',
    '/openapi.json',
  ];
  const asked = page.asked.filter((each) => !each.startsWith('data:') && !each.endsWith('favicon-32x32.png'));
  expect(asked.sort()).toEqual(own.map((path) => url + path));
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

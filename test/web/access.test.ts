/** The page of a server that needs a key, of one without a journal, and of one that has gone. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { ROOT } from '../support/project.js';
import { startServer } from '../support/server-process.js';
import { openPage } from '../support/web.js';

it('asks for a key, keeps it in the tab alone, and passes it to /docs', async () => {
  const url = await startServer([], { API_KEYS: 'the-key' }).url();
  const { page, requested } = await openPage(url);
  const field = page.getByLabel('API key');
  await field.waitFor();
  for (const wrong of ['wrong', 'schlüssel']) {
    await field.fill(wrong);
    await page.getByRole('button', { name: 'Open' }).click();
    await page.getByText('The server doesn’t accept this key.').waitFor();
  }
  await field.fill('the-key');
  await page.getByRole('button', { name: 'Open' }).click();
  await page.locator('.browse .row .prompt').first().waitFor();
  await page.getByLabel('Prompt', { exact: true }).fill('What is a mock server good for?');
  await page.keyboard.press('Enter');
  await page.getByText('It stands in for a real service').waitFor();
  expect(requested.filter((each) => each.includes('the-key'))).toEqual([]);

  await page.reload();
  await page.locator('.browse .row .prompt').first().waitFor();
  await page.getByRole('link', { name: 'API' }).click();
  // A closed lock: Swagger UI has the key.
  await page.locator('.auth-wrapper .authorize.locked').waitFor();

  const other = await openPage(url);
  await other.page.getByLabel('API key').waitFor();
});

it('says how a journal is switched on, and what is wrong when the server has gone', async () => {
  const server = startServer();
  const url = await server.url();
  const { page } = await openPage(`${url}/#requests`);
  await page.getByText('--journal 1000').waitFor();
  await page.getByLabel('Search the texts of all turns').waitFor();
  server.kill('SIGKILL');
  await server.exited;
  await page.getByLabel('Search the texts of all turns').fill('anything');
  await page.getByRole('alert').getByText('The server doesn’t answer.').waitFor();
});

it('takes less than 150 kB in all, compressed', () => {
  const folder = join(ROOT, 'dist', 'web');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'licences.md')
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name)));
  expect(files.length).toBeGreaterThan(3);
  expect(files.reduce((bytes, file) => bytes + gzipSync(file).length, 0)).toBeLessThan(150_000);
});

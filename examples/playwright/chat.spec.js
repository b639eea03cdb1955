import { test as base, expect } from '@playwright/test';
import { serve } from 'verbatim-llm';
import { startApp } from './app.js';

const test = base.extend({
  // One server for all tests of a worker.
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright expects a pattern.
    async ({}, use) => {
      const server = await serve();
      await use(server);
      await server.close();
    },
    { scope: 'worker' },
  ],
  // Replies and requests of one test.
  llm: async ({ server }, use, { testId }) => {
    const llm = server.scope(testId);
    await use(llm);
    llm.reset();
  },
  page: async ({ page, server, llm }, use) => {
    const app = await startApp(server.baseURL, llm.headers);
    await page.goto(app.url);
    await use(page);
    app.close();
  },
});

test('shows the answer', async ({ page, llm }) => {
  llm.reply('What is the capital of France?', 'Paris');
  await page.getByLabel('Question').fill('What is the capital of France?');
  await page.getByRole('button', { name: 'Ask' }).click();
  await expect(page.getByRole('status')).toHaveText('Paris');
  expect(llm.requests).toHaveLength(1);
});

test('asks to try again', async ({ page, llm }) => {
  llm.fail({ status: 429, retryAfter: 1 });
  await page.getByLabel('Question').fill('Anything');
  await page.getByRole('button', { name: 'Ask' }).click();
  await expect(page.getByRole('status')).toHaveText('Please try again later.');
});

/** Writes docs/page.png: the page over the sample, with a search, a conversation and two questions. Needs a build, and Chromium. */

import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { serve } from '../dist/index.js';

const PATH = fileURLToPath(new URL('../docs/page.png', import.meta.url));

const server = await serve();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 860 }, colorScheme: 'light' });
  await page.goto(server.baseURL.replace(/v1$/, ''));
  // The first search starts the threads: the time of the second is shown.
  for (const word of ['mock', 'server']) {
    await page.getByLabel('Search the texts of all turns').fill(word);
    await page.locator('.browse .row mark').getByText(word).first().waitFor();
  }
  await page.locator('.browse .row').first().click();
  await page.locator('.markdown code').first().waitFor();
  const prompt = page.getByLabel('Prompt', { exact: true });
  for (const text of ['What is a mock server good for?', 'What is a mock server good four?']) {
    await prompt.fill(text);
    await prompt.press('Enter');
    await page.locator('.turn.assistant .facts').last().waitFor();
  }
  await page.locator('.nearest li').first().waitFor();
  await page.locator('.region.middle h2').click();
  await page.screenshot({ path: PATH });
} finally {
  await browser.close();
  await server.close();
}
